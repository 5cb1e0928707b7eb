// Which columns stand where: order, width, pinned part, and which of them are seen. Pure arithmetic.
import type { CellValue, ColumnKind, PanelColumn } from '@/api/panels';
import { type View, WIDTH_MIN_PX } from './view';

export interface PlacedColumn extends PanelColumn {
  /** Its place in the order that is shown. */
  index: number;
  width: number;
  /** Distance from the left edge of its part (pinned or moving). */
  left: number;
  /** Stands still at the left. */
  pinned: boolean;
  /** Pinned by the view, but there is no room for it to stand still: it moves, before all others. */
  loose: boolean;
}

export interface Layout {
  columns: readonly PlacedColumn[];
  /** Width of the row numbers. */
  gutter: number;
  /** Row numbers and pinned columns together. */
  fixed: number;
  /** All columns that move. */
  moving: number;
}

const WIDTH: Record<ColumnKind, number> = {
  text: 150,
  integer: 92,
  number: 96,
  boolean: 84,
  date: 104,
  datetime: 166,
};
const CHAR_PX = 7.3;
const CELL_PADDING_PX = 22;
const HEAD_EXTRA_PX = 64;
const FIT_MAX_PX = 320;

/** Room for the name and for what the first rows hold. */
export function fitWidth(column: PanelColumn, texts: readonly string[]): number {
  const longest = texts.reduce((most, text) => Math.max(most, text.length), 0);
  const content = texts.length > 0 ? longest * CHAR_PX + CELL_PADDING_PX : WIDTH[column.kind];
  const head = column.name.length * CHAR_PX + HEAD_EXTRA_PX;
  return Math.round(Math.max(WIDTH_MIN_PX, Math.min(FIT_MAX_PX, Math.max(content, head))));
}

function ordered(columns: readonly PanelColumn[], { order, hidden }: View): string[] {
  const away = new Set(hidden);
  const all = new Set([...order, ...columns.map(({ name }) => name)]);
  return [...all].filter((name) => !away.has(name));
}

/** What to write down so that these columns are shown in this order; later columns stay to be seen. */
export function arrange(shown: readonly string[], columns: readonly PanelColumn[]): Partial<View> {
  const there = new Set(shown);
  const natural = columns.map(({ name }) => name).filter((name) => there.has(name));
  // As many at the front as must be named; the rest follows as the file has it.
  let named = 0;
  const follows = () => {
    const front = new Set(shown.slice(0, named));
    const rest = natural.filter((name) => !front.has(name));
    return rest.every((name, index) => shown[named + index] === name);
  };
  while (!follows()) named += 1;
  const hidden = columns.map(({ name }) => name).filter((name) => !there.has(name));
  return { columns: null, order: shown.slice(0, named), hidden };
}

/** Columns in the order of the view; pinned ones first. */
export function shownColumns(columns: readonly PanelColumn[], view: View): PanelColumn[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const names = view.columns ?? ordered(columns, view);
  const order = names.map((name) => byName.get(name)).filter((column) => column !== undefined);
  const shown = order.length > 0 ? order : [...columns];
  const pinned = new Set(view.pinned);
  return [...shown.filter(({ name }) => pinned.has(name)), ...shown.filter(({ name }) => !pinned.has(name))];
}

type Fitted = Readonly<Record<string, number>>;

const gutterOf = (rows: number): number => Math.max(44, String(Math.max(rows, 1)).length * 8 + 22);

const widthOf = (column: PanelColumn, { widths }: View, fitted: Fitted): number =>
  widths[column.name] ?? fitted[column.name] ?? fitWidth(column, []);

/** Whatever is pinned, this much is left for what moves. */
const MOVING_PX_MIN = 160;

/** The pinned columns that stand still in so wide a window: the first ones, as far as they leave room for what moves. */
export function heldPins(
  shown: readonly PanelColumn[],
  view: View,
  fitted: Fitted,
  rows: number,
  windowPx: number,
): string[] {
  const pinned = new Set(view.pinned);
  let room = windowPx - gutterOf(rows) - MOVING_PX_MIN;
  const held: string[] = [];
  for (const column of shown) {
    room -= widthOf(column, view, fitted);
    if (!pinned.has(column.name) || room < 0) break;
    held.push(column.name);
  }
  return held;
}

export function layOut(
  shown: readonly PanelColumn[],
  view: View,
  fitted: Fitted,
  rows: number,
  held: readonly string[] = view.pinned,
): Layout {
  const [asked, still] = [new Set(view.pinned), new Set(held)];
  const gutter = gutterOf(rows);
  let fixed = gutter;
  let moving = 0;
  const columns = shown.map((column, index): PlacedColumn => {
    const width = widthOf(column, view, fitted);
    const pinned = still.has(column.name);
    const left = pinned ? fixed : moving;
    if (pinned) fixed += width;
    else moving += width;
    return { ...column, index, width, left, pinned, loose: !pinned && asked.has(column.name) };
  });
  return { columns, gutter, fixed, moving };
}

const OVERSCAN_PX = 160;

/** The moving columns to draw, as a range of indexes. */
export function columnRange(layout: Layout, left: number, view: number): { first: number; last: number } {
  const from = left - OVERSCAN_PX;
  const to = left + view - layout.fixed + OVERSCAN_PX;
  const seen = layout.columns.filter((one) => !one.pinned && one.left + one.width > from && one.left < to);
  return { first: seen[0]?.index ?? 0, last: (seen.at(-1)?.index ?? -1) + 1 };
}

/** A value as it is shown and copied; the empty cell is null. */
export function cellText(value: CellValue | undefined, kind: ColumnKind): string | null {
  if (value === null || value === undefined) return null;
  if (kind === 'datetime' && typeof value === 'string') {
    const bare = value.replace('T', ' ').replace(/Z$/, '');
    return bare.includes('.') ? bare.replace(/\.?0+$/, '') : bare;
  }
  return String(value);
}

/** Columns change places only with their like: pinned ones stand before all others whatever their order says. */
export const ofOnePart = (one: PlacedColumn, other: PlacedColumn): boolean =>
  one.pinned === other.pinned && one.loose === other.loose;

export const alignsEnd = (kind: ColumnKind): boolean => kind === 'integer' || kind === 'number';
