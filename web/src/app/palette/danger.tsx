// What a dangerous operation is about: told with its numbers, and with how many things hang on it.
import { useQueries, useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { address, refuse } from '@/api/client';
import { count, moment } from '@/lib/format';
import { parseExact } from '@/lib/json';
import { type Fact, Facts } from '@/ui/Facts';
import { hanging, type Operation } from './operations';
import classes from './Palette.module.css';
import type { Item, Picked } from './picks';
import type { Typed } from './schema';
import type { Prepared } from './send';

interface Lost {
  /** What is typed to confirm. */
  name: string;
  facts: ReactNode;
  pending: boolean;
}

const FACTS_MAX = 6;
/** More than these are not counted. */
const COUNT_MAX = 200;

async function read(url: string, signal: AbortSignal): Promise<Item> {
  const response = await fetch(url, { signal, headers: { accept: 'application/json' }, cache: 'no-store' });
  if (!response.ok) return refuse(response);
  return parseExact(await response.text()) as Item;
}

/** Asked of the operation that shows the same thing; where none does, its list has told what is known of what was picked. */
export function useLost(
  operation: Operation,
  operations: readonly Operation[],
  request: Prepared,
  { typed, picked }: { typed: Typed; picked: Picked | undefined },
): Lost {
  const shows = operations.some((one) => one.method === 'GET' && one.path === operation.path);
  const [url = ''] = request.path.split('?');
  const seen = useQuery({
    queryKey: ['palette', 'thing', url],
    queryFn: ({ signal }) => read(url, signal),
    enabled: shows,
    staleTime: 0,
    retry: false,
  });
  const thing = (shows ? seen.data : picked?.item) ?? {};
  const things = useCounts(operation, operations, typed, thing);
  const told = factsOf(thing);
  const facts = [...told.numbers, ...things.facts, ...told.words].slice(0, FACTS_MAX);
  const title = thing['title'] ?? thing['name'];
  return {
    name: (typeof title === 'string' && title) || picked?.label || operation.id,
    facts:
      facts.length > 0 ? (
        <div className={classes.lost}>
          <Facts facts={facts} />
        </div>
      ) : null,
    pending: (shows && seen.isPending) || things.pending,
  };
}

/** How many there are of what hangs on it, as far as there are lists of that and it does not tell by itself. */
function useCounts(
  operation: Operation,
  operations: readonly Operation[],
  typed: Typed,
  thing: Item,
): { facts: Fact[]; pending: boolean } {
  const own = operation.parameters.find(
    ({ at, name }) => at === `path/${name}` && operation.path.endsWith(`{${name}}`),
  );
  const lists = hanging(operation, operations).filter(({ word }) => !countsItself(thing, word));
  const found = useQueries({
    queries: lists.map(({ list, field }) => {
      const path = Object.fromEntries(
        list.parameters
          .filter(({ at }) => at.startsWith('path/'))
          .map(({ at, name }) => [name, typed[name === field.name && own ? own.at : at]]),
      );
      const limit = list.parameters.some(({ at }) => at === 'query/limit') ? { limit: COUNT_MAX } : {};
      const url = address(list.path, path, limit);
      return {
        queryKey: ['palette', 'hanging', url],
        queryFn: ({ signal }: { signal: AbortSignal }) => read(url, signal),
        staleTime: 0,
        retry: false,
      };
    }),
  });
  const facts = found.flatMap(({ data }, at): Fact[] => {
    const items = data?.['items'];
    if (!Array.isArray(items)) return [];
    const more = data?.['next_cursor'] ? ' or more' : '';
    return [{ name: lists[at]?.word ?? '', value: `${count(items.length)}${more}` }];
  });
  return { facts, pending: found.some(({ isPending }) => isPending) };
}

/** Whether a thing says by itself how many of these it has: a service account has `keys`. */
const countsItself = (thing: Item, word: string): boolean =>
  Object.entries(thing).some(
    ([name, value]) =>
      (typeof value === 'number' || Array.isArray(value)) && word.endsWith(name.replaceAll('_', ' ')),
  );

/** Numbers, and of a list how many it has; then short words that are neither its name nor an id. */
function factsOf(thing: Item): { numbers: Fact[]; words: Fact[] } {
  const [numbers, words]: [Fact[], Fact[]] = [[], []];
  for (const [key, value] of Object.entries(thing)) {
    const name = key.replaceAll('_', ' ');
    if (Array.isArray(value)) numbers.push({ name, value: count(value.length) });
    else if (typeof value === 'number') numbers.push({ name, value: count(value) });
    else if (typeof value === 'boolean') words.push({ name, value: String(value) });
    else if (typeof value === 'string' && !isTechnical(key, value))
      words.push({ name, value: /^\d{4}-\d{2}-\d{2}T/.test(value) ? moment(value) : value });
  }
  return { numbers, words };
}

const isTechnical = (key: string, value: string): boolean =>
  key === 'title' || key === 'name' || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value);
