// Which company this tab acts in. The session is one for all tabs: another tab may take it to another company.
import { useSyncExternalStore } from 'react';

export interface Home {
  user: { id: string; name: string };
  tenant: { id: string; name: string };
}

let home: Home | null = null;
const watchers = new Set<() => void>();

/** From now on the tab acts as this person in this company. */
export function settle({ user, tenant }: Home): void {
  home = { user, tenant };
  for (const watcher of watchers) watcher();
}

/** Nobody is at home any more: whoever comes next settles anew. */
export function leaveHome(): void {
  home = null;
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Where the tab was, when that is not where the session is now; otherwise null. */
export function useMovedFrom(me: Home): Home | null {
  const was = useSyncExternalStore(watch, () => home);
  if (was === null) {
    home = { user: me.user, tenant: me.tenant };
    return null;
  }
  return was.tenant.id === me.tenant.id && was.user.id === me.user.id ? null : was;
}
