// The scrollbar reaches every row, also where the rows are taller than any element may be.
import { expect, test } from 'vitest';
import {
  barOf,
  clampTop,
  isScaled,
  ROW_PX,
  rowRange,
  spacerPx,
  topAfter,
  topMax,
  topToShow,
} from '../src/features/panels/grid/scroll';

const small = { rows: 100_000, view: 640 };
const huge = { rows: 12_000_000, view: 640 };

test('few rows scroll as they are', () => {
  expect(isScaled(small)).toBe(false);
  expect(topAfter(12_345, 0, 0, small)).toBe(12_345);
});

test('many rows share a bounded scrollbar, both ends are reached', () => {
  expect(spacerPx(huge)).toBeLessThanOrEqual(8_000_000);
  expect(topAfter(0, 50, 9_000, huge)).toBe(0);
  expect(topAfter(spacerPx(huge) - huge.view, 50, 9_000, huge)).toBe(topMax(huge));
  expect(rowRange(topMax(huge), huge).last).toBe(huge.rows);
});

test('a nudge moves by its own px, a drag by the proportion', () => {
  expect(topAfter(1_100, 1_000, 500_000, huge)).toBe(500_100);
  const half = (spacerPx(huge) - huge.view) / 2;
  expect(topAfter(half, 0, 0, huge)).toBeCloseTo(topMax(huge) / 2, 0);
  expect(barOf(topMax(huge) / 2, huge)).toBe(Math.round(half));
});

test('a row is brought into view with the least movement', () => {
  expect(topToShow(10, 0, small)).toBe(0);
  expect(topToShow(30, 0, small)).toBe(31 * ROW_PX - 640);
  expect(topToShow(3, 5_000, small)).toBe(3 * ROW_PX);
  expect(clampTop(-5, small)).toBe(0);
});
