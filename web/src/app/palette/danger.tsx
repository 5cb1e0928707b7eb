// What a dangerous operation is about: asked of the operation that shows the same thing, told with its numbers.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { refuse } from '@/api/client';
import { count, moment } from '@/lib/format';
import { parseExact } from '@/lib/json';
import { type Fact, Facts } from '@/ui/Facts';
import type { Operation } from './operations';
import classes from './Palette.module.css';
import type { Prepared } from './send';

interface Lost {
  /** What is typed to confirm. */
  name: string;
  facts: ReactNode;
  pending: boolean;
}

const FACTS_MAX = 6;

export function useLost(
  operation: Operation,
  operations: readonly Operation[],
  request: Prepared,
  label: string | undefined,
): Lost {
  const shows = operations.some((one) => one.method === 'GET' && one.path === operation.path);
  const [url = ''] = request.path.split('?');
  const thing = useQuery({
    queryKey: ['palette', 'thing', url],
    queryFn: async ({ signal }) => {
      const response = await fetch(url, {
        signal,
        headers: { accept: 'application/json' },
        cache: 'no-store',
      });
      if (!response.ok) return refuse(response);
      return parseExact(await response.text()) as Record<string, unknown>;
    },
    enabled: shows,
    staleTime: 0,
    retry: false,
  });
  const facts = Object.entries(thing.data ?? {}).flatMap(([name, value]) => factOf(name, value));
  const title = thing.data?.['title'] ?? thing.data?.['name'];
  return {
    name: (typeof title === 'string' && title) || label || operation.id,
    facts:
      facts.length > 0 ? (
        <div className={classes.lost}>
          <Facts facts={facts.slice(0, FACTS_MAX)} />
        </div>
      ) : null,
    pending: shows && thing.isPending,
  };
}

/** Numbers and short words; of a list how many it has. */
function factOf(name: string, value: unknown): Fact[] {
  const word = name.replaceAll('_', ' ');
  if (name === 'id' || value === null) return [];
  if (Array.isArray(value)) return [{ name: word, value: count(value.length) }];
  if (typeof value === 'number') return [{ name: word, value: count(value) }];
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T/.test(value))
    return [{ name: word, value: moment(value) }];
  return typeof value === 'string' || typeof value === 'boolean'
    ? [{ name: word, value: String(value) }]
    : [];
}
