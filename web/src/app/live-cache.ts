// Turns live events into a fresh cache: what an event makes old is fetched again where it is on screen, in place.
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { meQuery } from '@/api/identity';
import { type Panel, type RowWindow, rowsKey } from '@/api/panels';
import { asProblem } from '@/api/problem';
import { type LiveEvent, live, useLive, useLiveStatus } from '@/lib/live';

/** No answer, or none of the question: a refusal would only be refused again. */
const broke = (error: unknown) => {
  const { status } = asProblem(error);
  return status === 0 || status >= 500;
};

/** Call once, in the shell. `tenant` restarts the socket when the company changes. */
export function useLiveCache(tenant: string): void {
  const cache = useQueryClient();

  useEffect(() => {
    live.onDoubt = () => void cache.invalidateQueries({ queryKey: meQuery.queryKey });
    live.start();
    return () => live.stop();
  }, [cache]);

  useEffect(() => {
    void tenant;
    return () => {
      if (live.status().state !== 'idle') live.restart();
    };
  }, [tenant]);

  // Back from away: what failed meanwhile is asked for again; what changed comes as events.
  const { state } = useLiveStatus();
  useEffect(() => {
    if (state !== 'live') return;
    void cache.refetchQueries({
      type: 'active',
      predicate: ({ state: { error } }) => error !== null && broke(error),
    });
  }, [state, cache]);

  const stale = (...queryKey: readonly string[]) => void cache.invalidateQueries({ queryKey });

  useLive('panels', {
    event: ({ kind, subject }: LiveEvent) => {
      staleRecent(cache);
      if (kind === 'panels.import_started') return;
      if (kind === 'panels.import_failed') {
        stale('panels', 'imports', subject);
        return;
      }
      if (kind === 'panels.imported') {
        void imported(cache, subject);
        return;
      }
      if (kind === 'panels.deleted') cache.removeQueries({ queryKey: rowsKey(subject), type: 'inactive' });
      stale('panels', 'one', subject);
      stale('panels', 'list');
    },
    reset: () => forget(cache),
    subscribed: () => {
      stale('panels', 'list');
      stale('panels', 'imports');
      stale('panels', 'recent');
      void catchUp(cache);
    },
  });

  useLive('identity', {
    event: ({ kind }: LiveEvent) => {
      if (kind.startsWith('identity.member_') || kind.startsWith('identity.tenant_')) stale('identity', 'me');
      if (kind.startsWith('identity.session_')) stale('identity', 'sessions');
      else if (kind.startsWith('identity.invitation_')) {
        stale('identity', 'invitations');
        stale('identity', 'members');
      } else if (kind.startsWith('identity.api_key_') || kind.startsWith('identity.service_account_')) {
        stale('identity', 'api-keys');
        stale('identity', 'service-accounts');
      } else stale('identity', 'members');
    },
    reset: () => stale('identity'),
    subscribed: () => stale('identity'),
  });
}

/** What happened meanwhile is not known. Windows that nobody looks at may be of any version: they are not kept beside new ones. */
export function forget(cache: QueryClient): void {
  cache.removeQueries({ queryKey: ['panels', 'rows'], type: 'inactive' });
  void cache.invalidateQueries({ queryKey: ['panels'] });
}

const RECENT_EVERY_MS = 300;
let recent: number | undefined;

/** What runs and what ended: asked once for events that come together, and after the rows in sight. */
function staleRecent(cache: QueryClient): void {
  if (recent !== undefined) return;
  recent = window.setTimeout(() => {
    recent = undefined;
    void cache.invalidateQueries({ queryKey: ['panels', 'recent'] });
  }, RECENT_EVERY_MS);
}

/** Rows are new. What is in sight comes first and alone: the rest would stand in its way. */
async function imported(cache: QueryClient, panel: string): Promise<void> {
  const rows = { queryKey: rowsKey(panel) };
  // Windows on screen stay shown until their successors are there; the others would mix two versions.
  cache.removeQueries({ ...rows, type: 'inactive' });
  await cache.invalidateQueries({ ...rows, predicate: ({ meta }) => meta?.['ahead'] !== true });
  void cache.invalidateQueries({ ...rows, predicate: ({ meta }) => meta?.['ahead'] === true });
  for (const part of [['one', panel], ['imports', panel], ['list']])
    void cache.invalidateQueries({ queryKey: ['panels', ...part] });
}

/** What changed between a page's first load and its subscription: windows of another version than the panel has now. */
async function catchUp(cache: QueryClient): Promise<void> {
  const panels = { queryKey: ['panels', 'one'] };
  await cache.invalidateQueries(panels);
  for (const [, panel] of cache.getQueriesData<Panel>(panels)) {
    if (!panel) continue;
    const rows = { queryKey: rowsKey(panel.id) };
    const windows = cache.getQueriesData<RowWindow>(rows);
    if (windows.some(([, window]) => window && window.version !== panel.version)) {
      cache.removeQueries({ ...rows, type: 'inactive' });
      await cache.invalidateQueries(rows);
    }
  }
}
