// Rows of many windows, all of one version: rows that change between two windows would come twice, or not at all.
import { type CellValue, type RowWindow, WINDOW_ROWS } from '@/api/panels';
import { Problem } from '@/api/problem';
import { count } from '@/lib/format';

/** More than this is an export, not a copy. */
export const COPY_ROWS_MAX = 20_000;

export interface Gathered {
  /** Null where there are none. */
  version: number | null;
  columns: readonly string[];
  lines: readonly (readonly CellValue[])[];
}

/** A window; `fresh` where what is kept here may be of an old version. */
export type FetchWindow = (page: number, fresh: boolean) => Promise<RowWindow>;

/** The rows of a range, both ends among them. Where they change on the way it begins anew, once. */
export async function gather(fetchWindow: FetchWindow, top: number, bottom: number): Promise<Gathered> {
  for (const fresh of [false, true]) {
    const some = await ofOneVersion((page) => fetchWindow(page, fresh), top, bottom);
    if (some) return some;
  }
  throw new Problem(
    409,
    'web.rows_changed',
    'The rows change faster than they can be copied',
    'Nothing was copied. Copy them again when the import is over.',
    null,
    [],
    null,
  );
}

/** Null where a window is of another version than the first. */
async function ofOneVersion(
  fetchWindow: (page: number) => Promise<RowWindow>,
  top: number,
  bottom: number,
): Promise<Gathered | null> {
  const lines: (readonly CellValue[])[] = [];
  let first: RowWindow | null = null;
  for (let page = Math.floor(top / WINDOW_ROWS); page * WINDOW_ROWS <= bottom; page += 1) {
    const window = await fetchWindow(page);
    first ??= window;
    if (window.version !== first.version) return null;
    const from = Math.max(0, top - page * WINDOW_ROWS);
    const to = Math.min(WINDOW_ROWS, bottom - page * WINDOW_ROWS + 1);
    for (const cells of window.rows.slice(from, to)) lines.push(cells as readonly CellValue[]);
  }
  return { version: first?.version ?? null, columns: first?.columns ?? [], lines };
}

/** Why fewer rows were copied than were chosen; empty where all were. A later version may be the shorter one. */
export function notCopied(wanted: number, copied: number): string {
  if (copied >= wanted) return '';
  const why = copied < COPY_ROWS_MAX ? 'there are no more' : `at most ${count(COPY_ROWS_MAX)} are copied`;
  return `${count(wanted)} were chosen; ${why}.`;
}
