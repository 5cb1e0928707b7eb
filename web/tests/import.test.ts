// What is said about a file before it is read: no more than must be; and what is said of it afterwards.
import { expect, test } from 'vitest';
import type { Panel } from '../src/api/panels';
import {
  compare,
  type Detected,
  differs,
  type Hints,
  NO_HINTS,
  neededOptions,
  planned,
  type ReadOptions,
  unseenBad,
  withKinds,
} from '../src/features/panels/import/reading';
import { keptLines, unknownKeys } from '../src/features/panels/leftOut';

type Column = ReadOptions['columns'][number];
const column = (name: string, kind: Column['kind'] = 'text', more: Partial<Column> = {}): Column => ({
  source: name,
  name,
  kind,
  skip: false,
  ...more,
});
const read = (format: ReadOptions['format'], ...columns: Column[]): ReadOptions => ({ format, columns });
const panel = (...columns: { name: string; kind: Column['kind'] }[]) => ({ columns }) as unknown as Panel;
const target = panel({ name: 'a', kind: 'number' }, { name: 'b', kind: 'text' }, { name: 'c', kind: 'date' });

test('types of a panel are named only where others were detected, and a person’s word stands', () => {
  const detected = read('csv', column('a', 'integer'), column('b', 'text'), column('c', 'text'));
  expect(withKinds(NO_HINTS, detected, null)).toEqual(NO_HINTS);
  expect(withKinds(NO_HINTS, detected, target)).toEqual({
    columns: [
      { source: 'a', kind: 'number' },
      { source: 'c', kind: 'date' },
    ],
  });
  const said: Hints = {
    delimiter: ';',
    columns: [
      { source: 'a', name: 'x' },
      { source: 'c', kind: 'text' },
    ],
  };
  expect(withKinds(said, detected, target)).toEqual({
    delimiter: ';',
    columns: [
      { source: 'a', name: 'x', kind: 'number' },
      { source: 'c', kind: 'text' },
    ],
  });
});

test('what the server finds by itself is not sent', () => {
  const bare = read('csv', column('a'), column('b'));
  expect(neededOptions(bare, read('csv', column('a'), column('b')))).toBeNull();
  const corrected = read('csv', column('a'), column('b', 'date'));
  expect(neededOptions(bare, corrected)).toBe(corrected);
  expect(neededOptions(null, bare)).toBe(bare);
});

test('what a person did not ask for need not fit into an address', () => {
  const detected = (options: ReadOptions) => ({ options }) as unknown as Detected;
  const bare = read('csv', column('a', 'integer'), column('b'));
  const corrected = detected(bare);
  const typed = detected(read('csv', column('a', 'number'), column('b')));
  const plan = (mode: 'append' | 'replace', fits: boolean, said = corrected) =>
    planned(bare, said, typed, mode, () => fits);
  for (const mode of ['append', 'replace'] as const)
    expect(plan(mode, true)).toEqual({ detected: typed, options: typed.options });
  expect(plan('append', false)).toEqual({ detected: typed, options: null });
  expect(plan('replace', false)).toEqual({ detected: corrected, options: null });
  const said = detected(read('csv', column('a', 'integer'), column('b', 'text', { name: 'x' })));
  expect(plan('append', false, said)).toEqual({ detected: typed, options: typed.options });
  expect(planned(bare, corrected, corrected, 'append', () => false).options).toBeNull();
});

test('columns in another order are the same columns', () => {
  for (const mode of ['append', 'replace'] as const) {
    const moved = compare(target, read('csv', column('b'), column('a', 'number'), column('c', 'date')), mode);
    expect(moved).toEqual({ gone: [], come: [], changed: [], empty: [] });
    expect(differs(moved)).toBe(false);
  }
});

test('columns that go, come and change are told apart', () => {
  const left = column('b', 'text', { skip: true });
  const options = read('csv', column('new'), column('a'), left, column('c', 'date'));
  for (const mode of ['append', 'replace'] as const) {
    const changes = compare(target, options, mode);
    expect(changes).toEqual({ gone: ['b'], come: ['new'], changed: ['a (number → text)'], empty: [] });
    expect(differs(changes)).toBe(true);
  }
});

test('a key that appended objects leave out is left empty; one that was renamed or taken out is missing', () => {
  const short = read('ndjson', column('c', 'date'), column('a', 'number'));
  const changes = compare(target, short, 'append');
  expect(changes).toEqual({ gone: [], come: [], changed: [], empty: ['b'] });
  expect(differs(changes)).toBe(false);
  expect(compare(target, short, 'replace')).toMatchObject({ gone: ['b'], empty: [] });
  expect(compare(target, { ...short, format: 'csv' }, 'append')).toMatchObject({ gone: ['b'], empty: [] });
  for (const more of [{ skip: true }, { name: 'x' }]) {
    const corrected = { ...short, columns: [...short.columns, column('b', 'text', more)] };
    expect(compare(target, corrected, 'append')).toMatchObject({ gone: ['b'], empty: [] });
  }
});

test('of lines that were left out, no more are said to be kept than are', () => {
  expect(keptLines({ bad_lines: 1, bad_lines_kept: 1 })).toBe('It is kept with its number and the reason.');
  expect(keptLines({ bad_lines: 5, bad_lines_kept: 5 })).toBe('Each is kept with its number and the reason.');
  expect(keptLines({ bad_lines: 200_000, bad_lines_kept: 50_000 })).toBe(
    `Only the first ${(50_000).toLocaleString()} are kept with number and reason; ${(150_000).toLocaleString()} are not.`,
  );
  expect(keptLines({ bad_lines: 5, bad_lines_kept: 0 })).toBe('None of them is kept.');
});

test('keys whose values were left out are named; twenty may be more', () => {
  const told = (...keys: string[]) => unknownKeys({ unknown_keys: keys, mode: 'replace' });
  expect(told()).toBe('');
  expect(told('error_code')).toMatch(
    /^A key of the file is not in the panel, because.*: error_code\. Its values were left out\..*import the file again\.$/,
  );
  expect(told('a', 'b')).toMatch(/^2 keys of the file are.*: a, b\. Their/);
  expect(told(...Array.from({ length: 20 }, (_, i) => `k${i}`))).toMatch(
    /^20 keys and perhaps more of the file are/,
  );
});

test('behind rows that are there no key becomes a column, wherever in the file it stands', () => {
  expect(unknownKeys({ unknown_keys: ['error_code'], mode: 'append' })).toBe(
    'A key of the file is not in the panel: error_code. Its values were left out. ' +
      'To have them, replace all rows of the panel by a file that has a line with this key first.',
  );
});

test('of the cells that are not shown the first bad one is told, and how many more there are', () => {
  const { columns } = read('csv', column('a', 'integer'), column('b', 'integer'), column('c', 'date'));
  const fine = { state: 'ok', text: '1' } as const;
  const bad = (text: string, reason: 'not_integer' | 'not_date') => ({ state: 'bad', text, reason }) as const;
  expect(unseenBad(columns, [bad('x', 'not_integer'), fine, fine], 1)).toBeNull();
  expect(unseenBad(columns, [fine, bad('y', 'not_integer'), bad('z', 'not_date')], 1)).toEqual({
    column: 'b',
    text: 'y',
    reason: 'not_integer',
    others: 1,
  });
  // A line that is no record has no cells.
  expect(unseenBad(columns, [], 1)).toBeNull();
});
