// Which rows and columns are drawn: those in sight, and the cell in focus wherever it is.
import { useMemo } from 'react';
import type { Layout, PlacedColumn } from './layout';
import type { Window2D } from './useGridScroll';

/** The columns in sight; the same array while nothing changes, so that rows need not be drawn anew. */
export function useDrawn(layout: Layout, { colFirst, colLast }: Window2D): readonly PlacedColumn[] {
  return useMemo(
    () => layout.columns.filter((one) => one.pinned || (one.index >= colFirst && one.index < colLast)),
    [layout, colFirst, colLast],
  );
}

export function withFocus(
  drawn: readonly PlacedColumn[],
  layout: Layout,
  col: number,
): readonly PlacedColumn[] {
  const column = layout.columns[col];
  return !column || drawn.includes(column) ? drawn : [...drawn, column].sort((a, b) => a.index - b.index);
}

const SLOTS_STEP = 16;

/** Rows that come into sight take over the elements of those that left: nothing is made or thrown away while scrolling. */
export function slotOf(index: number, { first, last }: Window2D): string | number {
  if (index < first || index >= last) return 'kept';
  return index % (Math.ceil((last - first) / SLOTS_STEP) * SLOTS_STEP);
}

/** The rows in sight, and the one in focus wherever it is. */
export function drawnRows({ first, last }: Window2D, rowCount: number, focusRow: number): number[] {
  const end = Math.min(last, rowCount);
  const indexes: number[] = [];
  if (focusRow >= 0 && focusRow < first && focusRow < rowCount) indexes.push(focusRow);
  for (let index = Math.min(first, end); index < end; index += 1) indexes.push(index);
  if (focusRow >= end && focusRow < rowCount) indexes.push(focusRow);
  return indexes;
}
