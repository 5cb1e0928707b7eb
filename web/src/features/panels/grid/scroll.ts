// Where the grid stands: maps a scrollbar that a browser can hold onto rows without end. Pure arithmetic.
export const ROW_PX = 32;
export const HEAD_PX = 34;
/** Firefox ends near 17.8 million px, Chromium near 33.5; stay well below both. */
const SPACER_PX_MAX = 8_000_000;

export interface Extent {
  rows: number;
  /** Height of the part that shows rows. */
  view: number;
}

/** Height of all rows, as if there were no limit. */
export const contentPx = ({ rows }: Extent): number => rows * ROW_PX;

/** Height that the scrollbar is told. */
export const spacerPx = (extent: Extent): number => Math.min(contentPx(extent), SPACER_PX_MAX);

export const isScaled = (extent: Extent): boolean => contentPx(extent) > SPACER_PX_MAX;

export const topMax = (extent: Extent): number => Math.max(0, contentPx(extent) - extent.view);
const barMax = (extent: Extent): number => Math.max(0, spacerPx(extent) - extent.view);

export const clampTop = (top: number, extent: Extent): number => Math.max(0, Math.min(topMax(extent), top));

/** The scrollbar's position for a place among the rows. */
export function barOf(top: number, extent: Extent): number {
  if (!isScaled(extent)) return top;
  return Math.round((top / topMax(extent)) * barMax(extent));
}

/** The place among the rows after the scrollbar moved. A small move is a nudge by as many px, a large one a jump. */
export function topAfter(bar: number, barBefore: number, topBefore: number, extent: Extent): number {
  if (!isScaled(extent)) return clampTop(bar, extent);
  const most = barMax(extent);
  if (bar <= 0) return 0;
  if (bar >= most) return topMax(extent);
  const moved = bar - barBefore;
  if (Math.abs(moved) <= extent.view) return clampTop(topBefore + moved, extent);
  return clampTop((bar / most) * topMax(extent), extent);
}

const OVERSCAN_ROWS = 4;
const STEP_ROWS = 4;

/** The rows to draw: what is seen and a little more, in steps so that not every px draws anew. */
export function rowRange(top: number, extent: Extent): { first: number; last: number } {
  const seenFirst = Math.floor(top / ROW_PX);
  const seenLast = Math.ceil((top + extent.view) / ROW_PX);
  const first = Math.floor((seenFirst - OVERSCAN_ROWS) / STEP_ROWS) * STEP_ROWS;
  const last = Math.ceil((seenLast + OVERSCAN_ROWS) / STEP_ROWS) * STEP_ROWS;
  return { first: Math.max(0, first), last: Math.min(extent.rows, last) };
}

/** Rows are placed against a base near them, so that no coordinate grows past what layout can hold exactly. */
const BASE_ROWS = 1024;
export const baseRow = (first: number): number => Math.floor(first / BASE_ROWS) * BASE_ROWS;

/** The place that brings a row into view with the least movement. */
export function topToShow(row: number, top: number, extent: Extent): number {
  const rowTop = row * ROW_PX;
  if (rowTop < top) return clampTop(rowTop, extent);
  if (rowTop + ROW_PX > top + extent.view) return clampTop(rowTop + ROW_PX - extent.view, extent);
  return top;
}
