// The list page's parts: a table that loads on and draws what is in sight, walked by keyboard; its skeleton, empty and failed states.
import { Button, Skeleton } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type MouseEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import { useShortcut } from '@/lib/keys';
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
/** Shorter lists are drawn whole: the browser's own search finds all of them. */
const VIRTUAL_FROM = 60;
const ROW_PX = 41;

interface ListProps<T> {
  label: string;
  columns: readonly ListColumn<T>[];
  query: Paged<T>;
  keyOf: (item: T) => string;
  empty: ReactNode;
  /** What a row does when it is clicked or entered. With it the list is walked by arrows, j and k. */
  onOpen?: (item: T) => void;
  /** The row whose drawer is open. */
  opened?: string | undefined;
}

export function List<T>(props: ListProps<T>) {
  const { label, columns, query, keyOf, empty, onOpen, opened } = props;
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  // After a failure only a person asks again: by itself it would without end.
  const more = useMore(query.hasNextPage && !query.isFetchingNextPage && !query.error, query.fetchNextPage);
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = useRowsInSight(items.length, body);
  const walk = useWalk(items.length, body, rows.show);
  if (query.error && items.length === 0)
    return <ProblemNote error={query.error} onRetry={() => query.refetch()} />;
  if (!query.isPending && items.length === 0) return <>{empty}</>;
  return (
    <>
      {query.error ? <ProblemNote error={query.error} onRetry={() => query.refetch()} /> : null}
      {onOpen ? <WalkKeys step={walk.step} label={label} /> : null}
      <div className={classes.frame}>
        <table
          className={classes.table}
          aria-label={label}
          aria-busy={query.isPending}
          aria-rowcount={query.hasNextPage ? -1 : items.length + 1}
        >
          <thead>
            <tr aria-rowindex={1}>
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
          <tbody ref={body} onKeyDown={onOpen ? walk.onKeyDown : undefined}>
            {query.isPending ? <Bones columns={columns} /> : null}
            <Gap px={rows.above} columns={columns.length} />
            {rows.indexes.map((index) => {
              const item = items[index];
              return item === undefined ? null : (
                <tr
                  key={keyOf(item)}
                  ref={rows.measure}
                  data-index={index}
                  aria-rowindex={index + 2}
                  {...(onOpen ? rowActs(() => onOpen(item), index === walk.current) : {})}
                  data-opened={opened !== undefined && opened === keyOf(item) ? true : undefined}
                >
                  {columns.map((column) => (
                    <td
                      key={column.name}
                      data-align={column.align}
                      data-wide={column.wide}
                      data-grow={column.grow}
                    >
                      {column.cell(item)}
                    </td>
                  ))}
                </tr>
              );
            })}
            <Gap px={rows.below} columns={columns.length} />
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

function Bones<T>({ columns }: { columns: readonly ListColumn<T>[] }) {
  return Array.from({ length: SKELETON_ROWS }, (_, row) => `skeleton-${row}`).map((key) => (
    <tr key={key}>
      {columns.map((column) => (
        <td key={column.name} data-wide={column.wide}>
          <Skeleton height={12} width={column.grow ? '60%' : '80%'} radius="sm" />
        </td>
      ))}
    </tr>
  ));
}

/** Stands for the rows that are not drawn. */
function Gap({ px, columns }: { px: number; columns: number }) {
  if (px <= 0) return null;
  return (
    <tr aria-hidden className={classes.gap}>
      <td colSpan={columns} style={{ height: px, padding: 0, border: 0 }} />
    </tr>
  );
}

const INSIDE_ROW = 'a, button, input, [role="menu"]';

function rowActs(open: () => void, current: boolean) {
  return {
    tabIndex: current ? 0 : -1,
    'data-open': true,
    onClick: (event: MouseEvent<HTMLElement>) => {
      const target = event.target as Element;
      if (event.currentTarget.contains(target) && !target.closest(INSIDE_ROW)) open();
    },
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      if (event.target !== event.currentTarget || (event.key !== 'Enter' && event.key !== ' ')) return;
      event.preventDefault();
      open();
    },
  };
}

/** Long lists draw the rows in sight and a few around them. Columns keep the widest width they had. */
function useRowsInSight(count: number, body: RefObject<HTMLTableSectionElement | null>) {
  const long = count >= VIRTUAL_FROM;
  const [margin, setMargin] = useState(0);
  const scroller = () => body.current?.closest<HTMLElement>('[data-scroller]') ?? null;
  const virtual = useVirtualizer({
    count: long ? count : 0,
    getScrollElement: scroller,
    estimateSize: () => ROW_PX,
    overscan: 10,
    scrollMargin: margin,
  });
  useLayoutEffect(() => {
    const [outer, inner] = [scroller(), body.current];
    if (!long || !outer || !inner) return;
    const top = inner.getBoundingClientRect().top - outer.getBoundingClientRect().top + outer.scrollTop;
    if (Math.abs(top - margin) > 1) setMargin(top);
    for (const head of inner.parentElement?.querySelectorAll<HTMLElement>('th:not([data-grow])') ?? [])
      if (head.offsetWidth > 0) head.style.minWidth = `${head.offsetWidth}px`;
  });
  if (!long) {
    const indexes = Array.from({ length: count }, (_, index) => index);
    return { indexes, above: 0, below: 0, measure: undefined, show: () => undefined };
  }
  const drawn = virtual.getVirtualItems();
  return {
    indexes: drawn.map(({ index }) => index),
    above: (drawn[0]?.start ?? margin) - margin,
    below: virtual.getTotalSize() - ((drawn.at(-1)?.end ?? margin) - margin),
    measure: virtual.measureElement,
    show: (index: number) => virtual.scrollToIndex(index),
  };
}

/** One row is in the tab order; arrows, j and k move on from it, Home and End to the ends. */
function useWalk(
  count: number,
  body: RefObject<HTMLTableSectionElement | null>,
  show: (index: number) => void,
) {
  const [at, setAt] = useState(0);
  const wanted = useRef<number | null>(null);
  const current = Math.min(at, Math.max(0, count - 1));
  const rowAt = (index: number) =>
    body.current?.querySelector<HTMLElement>(`tr[data-index="${index}"]`) ?? null;
  useEffect(() => {
    const row = wanted.current === null ? null : rowAt(wanted.current);
    if (!row) return;
    wanted.current = null;
    row.focus({ preventScroll: false });
  });
  const to = (index: number) => {
    const next = Math.max(0, Math.min(count - 1, index));
    wanted.current = next;
    const row = rowAt(next);
    if (row) {
      wanted.current = null;
      row.focus();
    } else show(next);
    setAt(next);
  };
  const step = (by: 1 | -1) => {
    const focused = document.activeElement?.closest<HTMLElement>('tr[data-index]');
    const inside = focused && body.current?.contains(focused);
    to(inside ? Number(focused.dataset['index']) + by : current);
  };
  return {
    current,
    step,
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || !target.matches('tr')) return;
      const here = Number(target.dataset['index']);
      const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: count - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      to(next);
    },
  };
}

function WalkKeys({ step, label }: { step: (by: 1 | -1) => void; label: string }) {
  useShortcut('j', 'The next row', label, () => step(1));
  useShortcut('k', 'The row before', label, () => step(-1));
  return null;
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

/** A row's main word with a quieter second line. Names are cut where they do not fit, `words` go on in the next line. */
export function TwoLines({ first, second, words }: { first: ReactNode; second?: ReactNode; words?: true }) {
  return (
    <div className={classes.two} data-words={words}>
      <div className={classes.first}>{first}</div>
      {second ? <div className={classes.second}>{second}</div> : null}
    </div>
  );
}
