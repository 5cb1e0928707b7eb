// How a panel is looked at: filter, sort, search, columns, place. The address is its only home.
import type { PanelColumn, RowsRequest } from '@/api/panels';
import { writeExact } from '@/lib/json';
import type { Search } from '@/lib/search';
import {
  apiFilter,
  describe,
  type Group,
  NO_FILTER,
  noColumn,
  readFilter,
  readNames,
  refusals,
  without,
  writeFilter,
  writeName,
} from './filter';

export interface SortKey {
  column: string;
  descending: boolean;
}

export interface View {
  filter: Group;
  sort: readonly SortKey[];
  q: string;
  /** These and no others, in this order; null: all, as `order` and `hidden` say. */
  columns: readonly string[] | null;
  /** Columns that come first, in this order; the others follow as the file has them. */
  order: readonly string[];
  hidden: readonly string[];
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
      order: or('order', readNames(search['order']), []).map(({ name }) => name),
      hidden: or('hide', readNames(search['hide']), []).map(({ name }) => name),
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
  if (change.order) search['order'] = change.order.map(writeName).join(',') || undefined;
  if (change.hidden) search['hide'] = change.hidden.map(writeName).join(',') || undefined;
  if (change.pinned) search['pin'] = change.pinned.map(writeName).join(',') || undefined;
  if (change.widths) {
    const widths = Object.entries(change.widths).map(([name, px]) => `${writeName(name)}:${width(px)}`);
    search['w'] = widths.join(',') || undefined;
  }
  if (change.row !== undefined) search['row'] = change.row > 0 ? String(change.row + 1) : undefined;
  if (change.open !== undefined) search['open'] = change.open ? 'row' : undefined;
  return search;
}

/** What the API is asked for: all of what the address says, also what the panel cannot answer. */
export function rowsRequest(view: View, columns: readonly PanelColumn[]): RowsRequest {
  const filter = apiFilter(view.filter, columns);
  return {
    ...(filter ? { filter: writeExact(filter) } : {}),
    ...(view.sort.length > 0 ? { sort: apiSort(view.sort) } : {}),
    ...(view.q ? { q: view.q } : {}),
  };
}

export interface Refusal {
  what: string;
  why: string;
}

/** Parts of the address without which there would be other rows than were asked for. */
export const NEEDED: readonly string[] = ['filter', 'sort'];

/** What of the view cannot be applied, and why. While there is any, no rows may be shown under its name. */
export function viewRefusals(
  view: View,
  unread: readonly string[],
  columns: readonly PanelColumn[],
): Refusal[] {
  return [
    ...unread
      .filter((part) => NEEDED.includes(part))
      .map((part) => ({ what: `The ${part} in the address`, why: 'it cannot be read' })),
    ...refusals(view.filter, columns).map(({ condition, why }) => ({
      what: describe(condition, columns),
      why,
    })),
    ...lostKeys(view, columns).map(({ column }) => ({
      what: `Sort by ${column}`,
      why: lower(noColumn(column)),
    })),
  ];
}

/** The view with only what can be applied. */
export function appliedOnly(view: View, columns: readonly PanelColumn[]): Partial<View> {
  const lost = lostKeys(view, columns);
  return {
    filter: without(view.filter, (condition) => refusals(condition, columns).length > 0),
    sort: view.sort.filter((key) => !lost.includes(key)),
    row: 0,
  };
}

export const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

/** Sort keys whose column is gone. */
export const lostKeys = (view: View, columns: readonly PanelColumn[]): SortKey[] =>
  view.sort.filter((key) => !columns.some(({ name }) => name === key.column));

/** Names that would read as something else go as JSON. */
function apiSort(sort: readonly SortKey[]): string {
  const plain = sort.every(({ column }) => /^[^\s,\\[-][^,\\]*$/.test(column));
  if (!plain) return JSON.stringify(sort);
  return sort.map(({ column, descending }) => `${descending ? '-' : ''}${column}`).join(',');
}
