// The cell in focus and the range that is chosen with it.
export interface Cell {
  /** -1 is the head. */
  row: number;
  col: number;
}

export interface Selection {
  focus: Cell;
  anchor: Cell;
}

export interface Box {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export const at = (row: number, col: number): Selection => ({ focus: { row, col }, anchor: { row, col } });

export const boxOf = ({ focus, anchor }: Selection): Box => ({
  top: Math.max(0, Math.min(focus.row, anchor.row)),
  bottom: Math.max(focus.row, anchor.row),
  left: Math.min(focus.col, anchor.col),
  right: Math.max(focus.col, anchor.col),
});

export const isRange = ({ focus, anchor }: Selection): boolean =>
  focus.row !== anchor.row || focus.col !== anchor.col;

export const cellsIn = (box: Box): number =>
  Math.max(0, box.bottom - box.top + 1) * (box.right - box.left + 1);

export interface Bounds {
  rows: number;
  cols: number;
  /** Rows of a page for Page Up and Page Down. */
  page: number;
}

/** Where a key leads, or null when it is no key of movement. */
export function moved(cell: Cell, key: string, mod: boolean, bounds: Bounds): Cell | null {
  const lastRow = bounds.rows - 1;
  const lastCol = bounds.cols - 1;
  const { row, col } = cell;
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return { row: mod ? lastRow : Math.min(lastRow, row + 1), col };
    case 'ArrowUp':
    case 'k':
      return { row: mod ? 0 : Math.max(-1, row - 1), col };
    case 'ArrowRight':
      return { row, col: mod ? lastCol : Math.min(lastCol, col + 1) };
    case 'ArrowLeft':
      return { row, col: mod ? 0 : Math.max(0, col - 1) };
    case 'PageDown':
      return { row: Math.min(lastRow, row + bounds.page), col };
    case 'PageUp':
      return { row: Math.max(0, row - bounds.page), col };
    case 'Home':
      return mod ? { row: 0, col: 0 } : { row, col: 0 };
    case 'End':
      return mod ? { row: lastRow, col: lastCol } : { row, col: lastCol };
    default:
      return null;
  }
}

/** A text that begins so is a formula to a spreadsheet; the last four are the full-width forms of the first. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A text that a spreadsheet would run as a formula gets a `'` before it, as in the files that the CLI writes. */
export const disarmed = (text: string | null): string | null =>
  text !== null && FORMULA.test(text) ? `'${text}` : text;

/** Rows of texts as tab-separated lines; what holds a tab, a line end or a quote is quoted. */
export function toTsv(lines: readonly (readonly (string | null)[])[]): string {
  const field = (text: string | null) =>
    text !== null && /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : (text ?? '');
  return lines.map((line) => line.map(field).join('\t')).join('\n');
}
