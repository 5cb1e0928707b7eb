// What the palette offers: recent things, pages and settings, panels, people, operations; each knows what choosing it does.
import { useMantineColorScheme } from '@mantine/core';
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import {
  ArrowLeftRight,
  BookOpen,
  Clock,
  LogOut,
  type LucideIcon,
  Moon,
  Play,
  Sun,
  SunMoon,
  Table2,
  TriangleAlert,
  User,
} from 'lucide-react';
import { api } from '@/api/client';
import { type Me, peopleQuery } from '@/api/identity';
import { panelsQuery } from '@/api/panels';
import { type Recent, recents, remember } from '@/lib/recent';
import { attempt } from '@/ui/toast';
import { MANUAL, pagesOf } from '../pages';
import { useBecome, useSignOut } from '../session';
import { type Findable, find } from './find';
import { callable, type Operation, operationsQuery } from './operations';

export interface Entry extends Findable {
  key: string;
  group: string;
  icon: LucideIcon;
  /** Quieter, at the end of the line. */
  hint: string;
  /** Opens the form of an operation, or does it and closes. */
  choose: { operation: Operation } | { run: () => void };
  danger?: boolean;
}

const EACH_MAX = 12;

const isOpen = (operation: Operation) => operation.permission === null;

export function useEntries(
  me: Me,
  query: string,
): { entries: Entry[]; pending: boolean; error: unknown; operations: readonly Operation[] } {
  const spec = useQuery(operationsQuery);
  const operations = spec.data ? callable(spec.data, me.permissions) : [];
  const { panels, panel } = usePanels(me, query);
  const { people, person } = usePeople(me, query);
  const pages = usePages(me);
  const sorted = [...operations.filter((one) => !isOpen(one)), ...operations.filter(isOpen)];
  const runs = sorted.map((operation) => operationEntry(operation));
  const known = [...pages, ...panels, ...people, ...runs];
  const last = query.trim() === '' ? recentEntries(me, known, { panel, person }) : [];
  const found = [
    ...find(pages, query, query.trim() === '' ? pages.length : EACH_MAX),
    ...(query.trim() === '' ? panels.slice(0, 5) : panels),
    ...(query.trim() === '' ? [] : find(people, query, EACH_MAX)),
    ...find(runs, query, query.trim() === '' ? runs.length : 30),
  ];
  return { entries: [...last, ...found], pending: spec.isPending, error: spec.error, operations };
}

function operationEntry(operation: Operation): Entry {
  const { id, summary, path, method, risk } = operation;
  return {
    key: `operation ${id}`,
    group: 'Operations',
    label: summary,
    words: `${id} ${id.replaceAll('_', ' ')} ${method} ${path}`,
    hint: id,
    icon: risk === 'danger' ? TriangleAlert : Play,
    choose: { operation },
    danger: risk === 'danger',
  };
}

/** A thing that is only known by its id and what it was called. */
type AtItsWord = (id: string, label: string) => Entry;

/** Recent things that are still known; who or what is not on a first page that is not all is taken at its word. */
function recentEntries(
  me: Me,
  known: readonly Entry[],
  words: Readonly<Partial<Record<Recent['kind'], AtItsWord | undefined>>>,
): Entry[] {
  return recents(me.tenant.id).flatMap((recent) => {
    const entry =
      known.find((one) => one.key === `${recent.kind} ${recent.id}`) ??
      words[recent.kind]?.(recent.id, recent.label);
    return entry
      ? [{ ...entry, key: `recent ${entry.key}`, group: 'Recent', icon: entry.danger ? entry.icon : Clock }]
      : [];
  });
}

function usePanels(me: Me, query: string): { panels: Entry[]; panel: AtItsWord } {
  const navigate = useNavigate();
  const may = me.permissions.includes('panels:read');
  const q = query.trim().slice(0, 80);
  const found = useInfiniteQuery({ ...panelsQuery(q), enabled: may, placeholderData: keepPreviousData });
  const panel = (id: string, label: string): Entry => ({
    key: `panel ${id}`,
    group: 'Panels',
    label,
    words: 'panel',
    hint: '',
    icon: Table2,
    choose: { run: () => void navigate({ to: '/panels/$id', params: { id } }) },
  });
  const items = found.data?.pages[0]?.items ?? [];
  return {
    panels: items.slice(0, q ? EACH_MAX : items.length).map((one) => panel(one.id, one.title)),
    panel,
  };
}

/** The first of all, in whom a role is found too, and whoever is called like the longest word; the others sift them. */
function usePeople(me: Me, query: string): { people: Entry[]; person: AtItsWord | undefined } {
  const navigate = useNavigate();
  const may = me.permissions.includes('identity:read');
  const [longest = ''] = query
    .trim()
    .split(/\s+/)
    .sort((a, b) => b.length - a.length);
  const first = useQuery({ ...peopleQuery(''), enabled: may });
  const found = useQuery({
    ...peopleQuery(longest.slice(0, 80)),
    enabled: may && longest !== '',
    placeholderData: keepPreviousData,
  });
  const person = (id: string, label: string, email = '', role = ''): Entry => ({
    key: `person ${id}`,
    group: 'People',
    label,
    words: `${email} ${role} person member`,
    hint: email,
    icon: User,
    choose: {
      run: () => {
        remember(me.tenant.id, { kind: 'person', id, label });
        void navigate({ to: '/people/members', search: { member: id } as never });
      },
    },
  });
  const all = [...(first.data?.items ?? []), ...(found.data?.items ?? [])];
  const people = new Map(all.map((one) => [one.user_id, person(one.user_id, one.name, one.email, one.role)]));
  return { people: [...people.values()], person: first.data?.next_cursor ? person : undefined };
}

/** Pages, settings, companies: what the shell itself can do. */
function usePages(me: Me): Entry[] {
  const navigate = useNavigate();
  const become = useBecome();
  const cache = useQueryClient();
  const signOut = useSignOut();
  const { setColorScheme } = useMantineColorScheme();
  const pages = pagesOf(me).map(
    ({ to, label, words, keys, icon }): Entry => ({
      key: `page ${to}`,
      group: 'Go to',
      label,
      words,
      hint: keys,
      icon,
      choose: {
        run: () => {
          remember(me.tenant.id, { kind: 'page', id: to, label });
          void navigate({ to });
        },
      },
    }),
  );
  const manual: Entry = {
    key: 'page manual',
    group: 'Go to',
    label: 'Manual',
    words: 'go help docs documentation guide reference api',
    hint: '/docs',
    icon: BookOpen,
    choose: { run: () => void window.open(MANUAL, '_blank', 'noopener') },
  };
  const setting = (key: string, label: string, words: string, icon: LucideIcon, run: () => void): Entry => ({
    key: `page ${key}`,
    group: 'Settings',
    label,
    words,
    hint: '',
    icon,
    choose: { run },
  });
  const change = async (tenant_id: string) => {
    const changed = await attempt('switch company', async () =>
      become(await api.put('/v1/identity/session/tenant', { body: { tenant_id } })),
    );
    if (!changed) void cache.invalidateQueries({ queryKey: ['identity', 'me'] });
  };
  const companies = me.tenants
    .filter((one) => one.id !== me.tenant.id)
    .map((one) =>
      setting(
        `company ${one.id}`,
        `Switch to ${one.name}`,
        'company tenant',
        ArrowLeftRight,
        () => void change(one.id),
      ),
    );
  return [
    ...pages,
    manual,
    setting('light', 'Theme: light', 'settings colour scheme', Sun, () => setColorScheme('light')),
    setting('dark', 'Theme: dark', 'settings colour scheme', Moon, () => setColorScheme('dark')),
    setting('auto', 'Theme: as the system', 'settings colour scheme', SunMoon, () => setColorScheme('auto')),
    ...companies,
    setting('out', 'Sign out', 'settings leave log out', LogOut, () => void attempt('sign out', signOut)),
  ];
}

export function rememberOperation(me: Me, { id, summary }: Operation): void {
  const recent: Recent = { kind: 'operation', id, label: summary };
  remember(me.tenant.id, recent);
}
