// The list page's parts: a table that loads on as it is scrolled, its skeleton, its empty and failed states.
import { Button, Skeleton } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';
import classes from './List.module.css';
import { ProblemNote } from './ProblemNote';

export interface ListColumn<T> {
  name: string;
  /** What stands in the head; an empty one is read out but not shown. */
  head: string;
  cell: (item: T) => ReactNode;
  align?: 'end';
  /** Left out on narrow screens. */
  wide?: boolean;
  grow?: boolean;
  hideHead?: boolean;
}

interface Paged<T> {
  data?: { pages: readonly { items: readonly T[] }[] } | undefined;
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

const SKELETON_ROWS = 5;

export function List<T>({
  label,
  columns,
  query,
  keyOf,
  empty,
}: {
  label: string;
  columns: readonly ListColumn<T>[];
  query: Paged<T>;
  keyOf: (item: T) => string;
  empty: ReactNode;
}) {
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const more = useMore(query.hasNextPage && !query.isFetchingNextPage, query.fetchNextPage);
  if (query.error && items.length === 0)
    return <ProblemNote error={query.error} onRetry={() => query.refetch()} />;
  if (!query.isPending && items.length === 0) return <>{empty}</>;
  return (
    <>
      {query.error ? <ProblemNote error={query.error} onRetry={() => query.refetch()} /> : null}
      <div className={classes.frame}>
        <table className={classes.table} aria-label={label} aria-busy={query.isPending}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.name}
                  scope="col"
                  data-align={column.align}
                  data-wide={column.wide}
                  data-grow={column.grow}
                >
                  <span className={column.hideHead ? 'hidden-visually' : undefined}>{column.head}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {query.isPending
              ? Array.from({ length: SKELETON_ROWS }, (_, row) => `skeleton-${row}`).map((key) => (
                  <tr key={key}>
                    {columns.map((column) => (
                      <td key={column.name} data-wide={column.wide}>
                        <Skeleton height={12} width={column.grow ? '60%' : '80%'} radius="sm" />
                      </td>
                    ))}
                  </tr>
                ))
              : items.map((item) => (
                  <tr key={keyOf(item)}>
                    {columns.map((column) => (
                      <td key={column.name} data-align={column.align} data-wide={column.wide}>
                        {column.cell(item)}
                      </td>
                    ))}
                  </tr>
                ))}
          </tbody>
        </table>
      </div>
      {query.hasNextPage ? (
        <div ref={more} className={classes.more}>
          <Button variant="subtle" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
            Load more
          </Button>
        </div>
      ) : null}
    </>
  );
}

/** Calls on when the end of the list comes near. */
function useMore(on: boolean, fetchNext: () => unknown) {
  const ref = useRef<HTMLDivElement>(null);
  const next = useRef(fetchNext);
  useEffect(() => {
    next.current = fetchNext;
  });
  useEffect(() => {
    const element = ref.current;
    if (!on || !element) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && next.current(), {
      rootMargin: '400px',
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [on]);
  return ref;
}

export function Empty({
  icon,
  title,
  children,
  action,
}: {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className={classes.empty}>
      <div className={classes.emptyIcon} aria-hidden>
        {icon}
      </div>
      <p className={classes.emptyTitle}>{title}</p>
      {children ? <div className={classes.emptyText}>{children}</div> : null}
      {action ? <div className={classes.emptyAction}>{action}</div> : null}
    </div>
  );
}

/** A row's main word with a quieter second line. */
export function TwoLines({ first, second }: { first: ReactNode; second?: ReactNode }) {
  return (
    <div className={classes.two}>
      <div className={classes.first}>{first}</div>
      {second ? <div className={classes.second}>{second}</div> : null}
    </div>
  );
}
