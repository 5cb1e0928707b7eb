// Which item of a list is open in the drawer: the address says it, so a link opens the same and Back closes.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import { SideDrawer } from './SideDrawer';

interface Loaded<T> {
  data?: { pages: readonly { items: readonly T[] }[] } | undefined;
  error: unknown;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

export interface Opened<T> {
  /** The key of the open item, as the address has it. */
  key: string | undefined;
  item: T | undefined;
  /** Still to be found among pages that are not loaded yet. */
  pending: boolean;
  open: (item: T) => void;
  go: (step: -1 | 1) => void;
  before: boolean;
  next: boolean;
  close: () => void;
}

export function useOpened<T>(name: string, query: Loaded<T>, keyOf: (item: T) => string): Opened<T> {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const key = search[name];
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const index = key === undefined ? -1 : items.findIndex((one) => keyOf(one) === key);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const missing = key !== undefined && index < 0 && hasNextPage;
  // After a failure the list says so, and a person asks again.
  const wanted = missing && !isFetchingNextPage && !query.error;
  useEffect(() => {
    if (wanted) fetchNextPage();
  }, [wanted, fetchNextPage]);
  const set = (value: string | undefined, replace: boolean) =>
    void navigate({
      to: '.',
      search: ((old: object) => ({ ...old, [name]: value })) as never,
      replace,
      resetScroll: false,
    });
  return {
    key,
    item: items[index],
    pending: missing || query.isPending,
    open: (item) => set(keyOf(item), key !== undefined),
    go: (step) => {
      const to = items[index + step];
      if (to) set(keyOf(to), true);
    },
    before: index > 0,
    next: index >= 0 && index < items.length - 1,
    close: () => {
      const row = document.querySelector<HTMLElement>('tr[data-opened]');
      set(undefined, false);
      row?.focus({ preventScroll: true });
    },
  };
}

export function OpenedDrawer<T>({
  opened,
  noun,
  title,
  about,
  actions,
  children,
}: {
  opened: Opened<T>;
  noun: string;
  title: (item: T) => ReactNode;
  about: (item: T) => ReactNode;
  actions: (item: T) => ReactNode;
  children: (item: T) => ReactNode;
}) {
  const { key, item, pending, close } = opened;
  if (key === undefined || (item === undefined && pending)) return null;
  const label = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}`;
  if (item === undefined) {
    return (
      <SideDrawer title={`No such ${noun}`} label={label} onClose={close}>
        <p style={{ padding: '0 16px', color: 'var(--wh-text-2)' }}>
          There is no {noun} with this id, or not any more.
        </p>
      </SideDrawer>
    );
  }
  return (
    <SideDrawer
      title={title(item)}
      about={about(item)}
      label={label}
      actions={actions(item)}
      {...(opened.before || opened.next ? { steps: opened } : {})}
      onClose={close}
    >
      {children(item)}
    </SideDrawer>
  );
}
