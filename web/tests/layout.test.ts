// Pinned columns stand still as far as they leave room for the others; what has none moves, and is pinned nevertheless.
import { expect, test } from 'vitest';
import { columnRange, heldPins, layOut, ofOnePart, shownColumns } from '../src/features/panels/grid/layout';
import { readView } from '../src/features/panels/grid/view';

const columns = ['a', 'b', 'c', 'd'].map((name) => ({ name, kind: 'text' }) as const);
const { view } = readView({ pin: 'c,b,d', w: 'a:100,b:100,c:100,d:100' });
const shown = shownColumns(columns, view);
/** Up to 5 digits of row number take 62 px, and 160 px are left to what moves. */
const ROWS = 10_000;
const at = (px: number) => layOut(shown, view, {}, ROWS, heldPins(shown, view, {}, ROWS, px));
const names = (px: number) => heldPins(shown, view, {}, ROWS, px).join('');

test('as many pins are held as leave room, the first ones first', () => {
  expect(shown.map(({ name }) => name).join('')).toBe('bcda');
  expect(names(Number.POSITIVE_INFINITY)).toBe('bcd');
  expect(names(62 + 160 + 300)).toBe('bcd');
  expect(names(62 + 160 + 299)).toBe('bc');
  expect(names(360)).toBe('b');
  expect(names(200)).toBe('');
});

test('pins without room move before all others, each at a place of its own', () => {
  const { columns: placed, gutter, fixed, moving } = at(360);
  expect([gutter, fixed, moving]).toEqual([62, 162, 300]);
  expect(placed.map(({ name, left, pinned, loose }) => [name, left, pinned, loose])).toEqual([
    ['b', 62, true, false],
    ['c', 0, false, true],
    ['d', 100, false, true],
    ['a', 200, false, false],
  ]);
  expect(placed.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
});

test('where all fit nothing is loose', () => {
  const layout = at(1_440);
  expect(layout.columns.some(({ loose }) => loose)).toBe(false);
  expect(layout).toEqual(layOut(shown, view, {}, ROWS));
});

test('what is drawn on a narrow screen holds the moving columns in sight', () => {
  expect(columnRange(at(360), 0, 360)).toEqual({ first: 1, last: 4 });
});

test('columns change places with their like alone', () => {
  const [held, loose, other, free] = at(360).columns;
  if (!held || !loose || !other || !free) throw new Error('four columns');
  expect(ofOnePart(loose, other)).toBe(true);
  expect(ofOnePart(held, loose)).toBe(false);
  expect(ofOnePart(other, free)).toBe(false);
});
