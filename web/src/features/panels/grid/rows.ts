// Windows of rows as the grid needs them: fetched by pages, kept in the query cache, shown without gaps while they change.
import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type CellValue, type RowsRequest, type RowWindow, rowsQuery, WINDOW_ROWS } from '@/api/panels';

export interface Range {
  first: number;
  last: number;
}

export interface Rows {
  /** The values of a row, or undefined while they are on their way. */
  row: (index: number) => readonly CellValue[] | undefined;
  /** Where a column's value stands in a row. */
  place: (column: string) => number;
  /** Rows that match; null until the first answer. */
  count: number | null;
  total: number;
  /** The version that the row at a place belongs to: windows are fetched apart, and may differ for a moment. */
  versionAt: (index: number) => number | null;
  version: number | null;
  error: unknown;
  /** What is shown belongs to the question before: the answer is on its way. */
  behind: boolean;
  retry: () => void;
}

const FAST_SETTLES_MS = 70;
const NOTHING: RowsRequest = {};

const pagesOf = ({ first, last }: Range): number[] => {
  const from = Math.floor(first / WINDOW_ROWS);
  const to = Math.floor(Math.max(first, last - 1) / WINDOW_ROWS);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
};

/** The pages in sight, and the next ones in both directions. */
const wantedPages = (range: Range, count: number | null): number[] => {
  const seen = pagesOf(range);
  const end = count === null ? 0 : Math.max(0, Math.ceil(count / WINDOW_ROWS) - 1);
  const around = [(seen.at(-1) ?? 0) + 1, (seen[0] ?? 0) - 1].filter((page) => page >= 0 && page <= end);
  return [...seen, ...around];
};

interface Shown {
  request: RowsRequest;
  windows: ReadonlyMap<number, RowWindow>;
}

/** A null request asks nothing: what was shown before stays known. */
export function useRows(id: string, asked: RowsRequest | null, range: Range, fast: boolean): Rows {
  const cache = useQueryClient();
  const settled = useSettled(range, fast);
  const request = asked ?? NOTHING;
  const known = useRef<{ request: RowsRequest; count: number; version: number } | null>(null);
  const count = known.current?.request === request ? known.current.count : null;
  const pages = asked ? wantedPages(settled, count) : [];
  const inSight = pagesOf(settled);
  const results = useQueries({
    queries: pages.map((page) => rowsQuery(id, request, page, !inSight.includes(page))),
  });

  const windows = new Map<number, RowWindow>();
  for (const [i, page] of pages.entries()) {
    const window = results[i]?.data;
    if (window) windows.set(page, window);
  }
  const newest = [...windows.values()].reduce<RowWindow | null>(
    (best, one) => (best === null || one.version > best.version ? one : best),
    null,
  );
  // An older window must not take back what a newer one said: the pages to fetch would change to and fro.
  const older = known.current?.request === request && newest && newest.version < known.current.version;
  if (newest && !older) known.current = { request, count: newest.count, version: newest.version };

  const shown = useShown(request, windows);
  // Rows of an older version that are in sight and could not be fetched anew are told too: they would stand there as the newest.
  const isTold = (data: unknown, page: number | undefined) =>
    !data || (page !== undefined && inSight.includes(page));
  const error = results.find((one, i) => one.error && isTold(one.data, pages[i]))?.error ?? null;

  return useMemo(() => {
    const one = [...shown.windows.values()].reduce<RowWindow | null>(
      (best, it) => (best === null || it.version > best.version ? it : best),
      null,
    );
    const places = new Map(one?.columns.map((name, i) => [name, i]));
    const windowAt = (index: number) => {
      const page = Math.floor(index / WINDOW_ROWS);
      const kept = () => cache.getQueryData(rowsQuery(id, shown.request, page).queryKey);
      return shown.windows.get(page) ?? ofVersion(kept(), one?.version);
    };
    const row = (index: number) =>
      windowAt(index)?.rows[index % WINDOW_ROWS] as readonly CellValue[] | undefined;
    return {
      row,
      versionAt: (index: number) => windowAt(index)?.version ?? null,
      place: (column: string) => places.get(column) ?? -1,
      count: one?.count ?? null,
      total: one?.total ?? 0,
      version: one?.version ?? null,
      error,
      behind: shown.request !== request,
      retry: () => void cache.invalidateQueries({ queryKey: ['panels', 'rows', id] }),
    };
  }, [shown, error, request, id, cache]);
}

/** A window that is not in sight, unless it is of another version than those that are. */
export const ofVersion = (kept: RowWindow | undefined, version: number | undefined): RowWindow | undefined =>
  kept?.version === version ? kept : undefined;

/** The windows to show: those of the last question that has an answer. Their identity changes only when they do. */
function useShown(request: RowsRequest, windows: ReadonlyMap<number, RowWindow>): Shown {
  const last = useRef<Shown>({ request, windows: new Map() });
  const same =
    last.current.request === request &&
    last.current.windows.size === windows.size &&
    [...windows].every(([page, window]) => last.current.windows.get(page) === window);
  if (!same && (windows.size > 0 || last.current.windows.size === 0)) last.current = { request, windows };
  // While a far place loads, its rows are unknown but the question is the same: forget the windows, keep the count.
  return last.current;
}

/** While the scrollbar flies, nothing is fetched; where it comes to rest, at once. */
function useSettled(range: Range, fast: boolean): Range {
  const [settled, setSettled] = useState(range);
  const { first, last } = range;
  useEffect(() => {
    if (!fast) return setSettled({ first, last });
    const timer = window.setTimeout(() => setSettled({ first, last }), FAST_SETTLES_MS);
    return () => window.clearTimeout(timer);
  }, [first, last, fast]);
  return fast || (settled.first === first && settled.last === last) ? settled : range;
}
