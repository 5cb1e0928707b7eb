// What the palette offers: recent things, pages and settings, panels, people, operations; each knows what choosing it does.
import { useMantineColorScheme } from '@mantine/core';
import { keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import {
  ArrowLeftRight,
  Clock,
  FileUp,
  KeyRound,
  LogOut,
  type LucideIcon,
  MonitorSmartphone,
  Moon,
  Play,
  Sun,
  SunMoon,
  Table2,
  TriangleAlert,
  User,
  Users,
} from 'lucide-react';
import { useEffect } from 'react';
import { api } from '@/api/client';
import { type Me, membersQuery } from '@/api/identity';
import { panelsQuery } from '@/api/panels';
import { type Recent, recents, remember } from '@/lib/recent';
import { showProblem } from '@/ui/toast';
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
const PEOPLE_PAGES_MAX = 5;

const isOpen = (operation: Operation) => operation.permission === null;

export function useEntries(
  me: Me,
  query: string,
): { entries: Entry[]; pending: boolean; error: unknown; operations: readonly Operation[] } {
  const spec = useQuery(operationsQuery);
  const operations = spec.data ? callable(spec.data, me.permissions) : [];
  const { panels, panel } = usePanels(me, query);
  const people = usePeople(me);
  const pages = usePages(me);
  const sorted = [...operations.filter((one) => !isOpen(one)), ...operations.filter(isOpen)];
  const runs = sorted.map((operation) => operationEntry(operation));
  const known = [...pages, ...panels, ...people, ...runs];
  const last = query.trim() === '' ? recentEntries(me, known, panel) : [];
  const found = [
    ...find(pages, query, EACH_MAX),
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

/** Recent things that are still known; a panel that is not on the first page is taken at its word. */
function recentEntries(
  me: Me,
  known: readonly Entry[],
  panel: (id: string, label: string) => Entry,
): Entry[] {
  return recents(me.tenant.id).flatMap((recent) => {
    const entry =
      known.find((one) => one.key === `${recent.kind} ${recent.id}`) ??
      (recent.kind === 'panel' ? panel(recent.id, recent.label) : undefined);
    return entry
      ? [{ ...entry, key: `recent ${entry.key}`, group: 'Recent', icon: entry.danger ? entry.icon : Clock }]
      : [];
  });
}

function usePanels(me: Me, query: string): { panels: Entry[]; panel: (id: string, label: string) => Entry } {
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

function usePeople(me: Me): Entry[] {
  const navigate = useNavigate();
  const people = useInfiniteQuery({ ...membersQuery, enabled: me.permissions.includes('identity:read') });
  const { hasNextPage, isFetchingNextPage, fetchNextPage, data } = people;
  const more = hasNextPage && !isFetchingNextPage && (data?.pages.length ?? 0) < PEOPLE_PAGES_MAX;
  useEffect(() => {
    if (more) void fetchNextPage();
  }, [more, fetchNextPage]);
  return (data?.pages.flatMap((page) => page.items) ?? []).map((one) => ({
    key: `person ${one.user_id}`,
    group: 'People',
    label: one.name,
    words: `${one.email} ${one.role} person member`,
    hint: one.email,
    icon: User,
    choose: {
      run: () => {
        remember(me.tenant.id, { kind: 'person', id: one.user_id, label: one.name });
        void navigate({ to: '/people/members', search: { member: one.user_id } as never });
      },
    },
  }));
}

type Target = '/panels' | '/panels/new' | '/people/members' | '/settings/sessions' | '/settings/password';

const PAGES: readonly {
  to: Target;
  label: string;
  words: string;
  hint: string;
  icon: LucideIcon;
  permission: string;
}[] = [
  { to: '/panels', label: 'Panels', words: 'go list', hint: 'g p', icon: Table2, permission: 'panels:read' },
  {
    to: '/panels/new',
    label: 'Import a file',
    words: 'go new panel csv tsv ndjson upload',
    hint: 'g n',
    icon: FileUp,
    permission: 'panels:write',
  },
  {
    to: '/people/members',
    label: 'Members',
    words: 'go people invite invitations roles',
    hint: 'g m',
    icon: Users,
    permission: 'identity:read',
  },
  {
    to: '/settings/sessions',
    label: 'Sessions',
    words: 'go settings signed in browsers',
    hint: 'g s',
    icon: MonitorSmartphone,
    permission: 'identity:self',
  },
  {
    to: '/settings/password',
    label: 'Password',
    words: 'go settings change',
    hint: 'g w',
    icon: KeyRound,
    permission: 'identity:self',
  },
];

/** Pages, settings, companies: what the shell itself can do. */
function usePages(me: Me): Entry[] {
  const navigate = useNavigate();
  const become = useBecome();
  const cache = useQueryClient();
  const signOut = useSignOut();
  const { setColorScheme } = useMantineColorScheme();
  const pages = PAGES.filter(({ permission }) => me.permissions.includes(permission)).map(
    ({ to, label, words, hint, icon }): Entry => ({
      key: `page ${to}`,
      group: 'Go to',
      label,
      words,
      hint,
      icon,
      choose: {
        run: () => {
          remember(me.tenant.id, { kind: 'page', id: to, label });
          void navigate({ to });
        },
      },
    }),
  );
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
    try {
      await become(await api.put('/v1/identity/session/tenant', { body: { tenant_id } }));
    } catch (error) {
      showProblem(error);
      void cache.invalidateQueries({ queryKey: ['identity', 'me'] });
    }
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
    setting('light', 'Theme: light', 'settings colour scheme', Sun, () => setColorScheme('light')),
    setting('dark', 'Theme: dark', 'settings colour scheme', Moon, () => setColorScheme('dark')),
    setting('auto', 'Theme: as the system', 'settings colour scheme', SunMoon, () => setColorScheme('auto')),
    ...companies,
    setting('out', 'Sign out', 'settings leave log out', LogOut, () => void signOut().catch(showProblem)),
  ];
}

export function rememberOperation(me: Me, { id, summary }: Operation): void {
  const recent: Recent = { kind: 'operation', id, label: summary };
  remember(me.tenant.id, recent);
}
