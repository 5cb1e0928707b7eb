// How a panel is looked at: filter, sort, search, columns, place. The address is its only home.
import type { PanelColumn, RowsRequest } from '@/api/panels';
import type { Search } from '@/lib/search';
import { apiFilter, type Group, NO_FILTER, readFilter, readNames, writeFilter, writeName } from './filter';

export interface SortKey {
  column: string;
  descending: boolean;
}

export interface View {
  filter: Group;
  sort: readonly SortKey[];
  q: string;
  /** Shown columns in order; null: all, as the file has them. */
  columns: readonly string[] | null;
  pinned: readonly string[];
  /** Widths that were set by hand, in px. */
  widths: Readonly<Record<string, number>>;
  /** The row in focus, from 0. */
  row: number;
  /** The row in focus is open in the drawer. */
  open: boolean;
}

export const SORT_KEYS_MAX = 5;
export const WIDTH_MIN_PX = 48;
export const WIDTH_MAX_PX = 900;

/** What the address says; parts that cannot be read are named in `unread` and otherwise ignored. */
export function readView(search: Search): { view: View; unread: string[] } {
  const unread: string[] = [];
  const or = <T>(name: string, value: T | null, instead: T): T => {
    if (value === null) unread.push(name);
    return value ?? instead;
  };
  const cols = or('cols', readNames(search['cols']), []);
  const widths = or('w', readNames(search['w']), []);
  const row = Number(search['row'] ?? 1);
  return {
    view: {
      filter: or('filter', readFilter(search['filter']), NO_FILTER),
      sort: or('sort', readNames(search['sort']), [])
        .slice(0, SORT_KEYS_MAX)
        .map(({ name, minus }) => ({ column: name, descending: minus })),
      q: search['q'] ?? '',
      columns: cols.length > 0 ? cols.map(({ name }) => name) : null,
      pinned: or('pin', readNames(search['pin']), []).map(({ name }) => name),
      widths: Object.fromEntries(
        widths.filter(({ after }) => after).map(({ name, after }) => [name, width(Number(after))]),
      ),
      row: Number.isSafeInteger(row) && row > 0 ? row - 1 : 0,
      open: search['open'] === 'row',
    },
    unread,
  };
}

const width = (px: number) => Math.max(WIDTH_MIN_PX, Math.min(WIDTH_MAX_PX, Math.round(px)));

const sortText = (sort: readonly SortKey[]) =>
  sort.map(({ column, descending }) => `${descending ? '-' : ''}${writeName(column)}`).join(',') || undefined;

/** The changed parts of a view as parts of the address; undefined takes a part out. */
export function writeView(change: Partial<View>): Search {
  const search: Search = {};
  if (change.filter) search['filter'] = writeFilter(change.filter);
  if (change.sort) search['sort'] = sortText(change.sort);
  if (change.q !== undefined) search['q'] = change.q || undefined;
  if (change.columns !== undefined) search['cols'] = change.columns?.map(writeName).join(',') || undefined;
  if (change.pinned) search['pin'] = change.pinned.map(writeName).join(',') || undefined;
  if (change.widths) {
    const widths = Object.entries(change.widths).map(([name, px]) => `${writeName(name)}:${width(px)}`);
    search['w'] = widths.join(',') || undefined;
  }
  if (change.row !== undefined) search['row'] = change.row > 0 ? String(change.row + 1) : undefined;
  if (change.open !== undefined) search['open'] = change.open ? 'row' : undefined;
  return search;
}

/** What the API is asked for. Names that the panel no longer has are left out. */
export function rowsRequest(view: View, columns: readonly PanelColumn[]): RowsRequest {
  const known = new Set(columns.map((column) => column.name));
  const filter = apiFilter(view.filter, columns);
  const sort = view.sort.filter(({ column }) => known.has(column));
  return {
    ...(filter ? { filter: JSON.stringify(filter) } : {}),
    ...(sort.length > 0 ? { sort: apiSort(sort) } : {}),
    ...(view.q ? { q: view.q } : {}),
  };
}

/** Names that would read as something else go as JSON. */
function apiSort(sort: readonly SortKey[]): string {
  const plain = sort.every(({ column }) => /^[^\s,\\[-][^,\\]*$/.test(column));
  if (!plain) return JSON.stringify(sort);
  return sort.map(({ column, descending }) => `${descending ? '-' : ''}${column}`).join(',');
}
