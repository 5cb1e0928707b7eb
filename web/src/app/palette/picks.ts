// What an id can be: things of the list that names them, looked for by what is typed, page by page.
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { address, refuse } from '@/api/client';
import { useMe } from '@/api/identity';
import { moment } from '@/lib/format';
import { lister, type Operation } from './operations';
import type { Field, Typed } from './schema';

export type Item = Readonly<Record<string, unknown>>;

/** Something that can be chosen, or was. */
export interface Picked {
  value: string;
  label: string;
  /** As its list has it. */
  item: Item;
}

interface Page {
  items?: readonly Item[];
  next_cursor?: string | null;
}

interface Picks {
  picks: readonly Picked[];
  /** What it belongs to must be chosen first. */
  waits: boolean;
}

const PAGE_LIMIT = 200;
/** Of a list that cannot be searched so many pages are looked through. */
const PAGES_MAX = 10;
const SEARCH_CHARS_MAX = 80;
/** How things are called, the best first. */
const LABELS = ['title', 'name', 'email', 'file_name', 'user_agent', 'kind'] as const;
/** What tells things of one name apart. */
const MORE = ['email', 'prefix', 'reaction', 'address', 'started_at', 'created_at', 'time'] as const;

/** `search` is what is typed, without an id and without what is chosen already. */
export function usePicks(
  field: Field,
  { operation, operations, typed }: { operation: Operation; operations: readonly Operation[]; typed: Typed },
  search: string,
): Picks {
  const me = useMe();
  const from = lister(field, operation, operations);
  const takes = (name: string) => from?.list.parameters.some(({ at }) => at === `query/${name}`) === true;
  const path = pathOf(from?.list, typed);
  const waits = from !== undefined && Object.values(path).some((value) => value === '');
  const limit = takes('limit') ? { limit: PAGE_LIMIT } : {};
  const place = from ? address(from.list.path, path, limit) : '';
  const q = takes('q') ? search.slice(0, SEARCH_CHARS_MAX) : '';
  const found = useInfiniteQuery({
    queryKey: ['palette', 'picks', place, q],
    queryFn: async ({ signal, pageParam }) => {
      const query = { ...limit, q, cursor: pageParam };
      const response = await fetch(from ? address(from.list.path, path, query) : '', {
        signal,
        headers: { accept: 'application/json' },
        cache: 'no-store',
      });
      if (!response.ok) return refuse(response);
      return (await response.json()) as Page;
    },
    initialPageParam: '',
    getNextPageParam: (page: Page) => page.next_cursor ?? undefined,
    enabled: from !== undefined && !waits,
    staleTime: 10_000,
    // While the next letters are looked for; never what belongs to something else.
    placeholderData: (data, query) => (query?.queryKey[2] === place ? keepPreviousData(data) : undefined),
  });
  const { hasNextPage, isFetchingNextPage, fetchNextPage, data, error } = found;
  const further =
    hasNextPage && !isFetchingNextPage && !error && !takes('q') && (data?.pages.length ?? 0) < PAGES_MAX;
  useEffect(() => {
    if (further) void fetchNextPage();
  }, [further, fetchNextPage]);
  if (!from && field.id === 'TenantId')
    return { picks: me.tenants.map((item) => ({ value: item.id, label: item.name, item })), waits };
  if (!from || waits) return { picks: [], waits };
  return { picks: named(data?.pages.flatMap(({ items }) => items ?? []) ?? [], from.id), waits };
}

/** What the form says about the path of a list. */
function pathOf(list: Operation | undefined, typed: Typed): Record<string, string> {
  const fields = list?.parameters.filter(({ at }) => at.startsWith('path/')) ?? [];
  return Object.fromEntries(
    fields.map(({ at, name }) => {
      const value = typed[at];
      return [name, typeof value === 'string' ? value : ''];
    }),
  );
}

const textIn = (item: Item, keys: readonly string[], but?: string): string | undefined =>
  keys
    .map((key) => item[key])
    .find((one): one is string => typeof one === 'string' && one !== '' && one !== but);

/** Things with their names; those of one name with what else they are. */
function named(items: readonly Item[], id: string): Picked[] {
  const once = new Map<string, Picked>();
  for (const item of items) {
    const value = item[id];
    if (typeof value === 'string') once.set(value, { value, label: textIn(item, LABELS) ?? value, item });
  }
  const counts = new Map<string, number>();
  for (const { label } of once.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...once.values()].map((one) => {
    if (counts.get(one.label) === 1) return one;
    const more = textIn(one.item, MORE, one.label) ?? one.value;
    return { ...one, label: `${one.label} · ${/^\d{4}-\d\d-\d\dT/.test(more) ? moment(more) : more}` };
  });
}

/** Whether it is called something like that: `words` are in lower case. */
export function called({ label, item }: Picked, words: string): boolean {
  return [label, ...[...LABELS, ...MORE].map((key) => item[key])].some(
    (one) => typeof one === 'string' && one.toLowerCase().includes(words),
  );
}
