// What is said about a file before it is read: no more than must be; and what is said of it afterwards.
import { expect, test } from 'vitest';
import type { Panel } from '../src/api/panels';
import {
  arranged,
  compare,
  differs,
  type Hints,
  NO_HINTS,
  neededOptions,
  type ReadOptions,
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

test('columns in another order are told where rows are appended, and nowhere else', () => {
  const moved = compare(target, read('csv', column('b'), column('a', 'number'), column('c', 'date')));
  expect(moved).toEqual({ gone: [], come: [], changed: [], moved: true });
  expect(differs(moved, 'append')).toBe(true);
  expect(differs(moved, 'replace')).toBe(false);
  const same = compare(target, read('csv', column('a', 'number'), column('b'), column('c', 'date')));
  expect(differs(same, 'append')).toBe(false);
});

test('columns that go, come and change do not look moved by that', () => {
  const left = column('b', 'text', { skip: true });
  expect(compare(target, read('csv', column('new'), column('a'), left, column('c', 'date')))).toEqual({
    gone: ['b'],
    come: ['new'],
    changed: ['a (number → text)'],
    moved: false,
  });
});

test('keys of NDJSON are put into the panel’s order to be appended', () => {
  const keys = [column('c', 'date'), column('x', 'text', { skip: true }), column('b'), column('a', 'number')];
  const names = ({ columns }: ReadOptions) => columns.map(({ name }) => name);
  const ndjson = arranged(read('ndjson', ...keys), target, 'append');
  expect(names(ndjson)).toEqual(['a', 'b', 'c', 'x']);
  expect(differs(compare(target, ndjson), 'append')).toBe(false);
  expect(names(arranged(read('ndjson', ...keys), target, 'replace'))).toEqual(['c', 'x', 'b', 'a']);
  expect(names(arranged(read('csv', ...keys), target, 'append'))).toEqual(['c', 'x', 'b', 'a']);
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
  expect(unknownKeys({ unknown_keys: [] })).toBe('');
  expect(unknownKeys({ unknown_keys: ['error_code'] })).toMatch(
    /^A key of the file is not in the panel.*: error_code\. Its values were left out\./,
  );
  expect(unknownKeys({ unknown_keys: ['a', 'b'] })).toMatch(/^2 keys of the file are.*: a, b\. Their/);
  const many = Array.from({ length: 20 }, (_, i) => `k${i}`);
  expect(unknownKeys({ unknown_keys: many })).toMatch(/^20 keys and perhaps more of the file are/);
});
