// Lists that have no pages.
import type { UseQueryResult } from '@tanstack/react-query';

/** A list that comes whole, as the list page takes it. */
export function once<A, T>(query: UseQueryResult<A>, items: (answer: A) => readonly T[]) {
  return {
    ...query,
    data: query.data === undefined ? undefined : { pages: [{ items: items(query.data) }] },
    hasNextPage: false,
    isFetchingNextPage: false,
    fetchNextPage: () => undefined,
  };
}
