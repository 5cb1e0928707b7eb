// What was opened or run last, by company; kept in this browser only.
export interface Recent {
  kind: 'panel' | 'person' | 'page' | 'operation';
  id: string;
  label: string;
}

const RECENT_MAX = 8;
const keyOf = (tenant: string) => `wheelhouse-recent:${tenant}`;

export function recents(tenant: string): readonly Recent[] {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(keyOf(tenant)) ?? '[]');
    return Array.isArray(read) ? (read as Recent[]).filter((one) => typeof one?.id === 'string') : [];
  } catch {
    return [];
  }
}

export function remember(tenant: string, thing: Recent): void {
  const others = recents(tenant).filter((one) => one.kind !== thing.kind || one.id !== thing.id);
  try {
    localStorage.setItem(keyOf(tenant), JSON.stringify([thing, ...others].slice(0, RECENT_MAX)));
  } catch {
    // Storage is full or refused: nothing is remembered, nothing is lost.
  }
}

/** Takes out what is not there any more. */
export function forget(tenant: string, { kind, id }: Pick<Recent, 'kind' | 'id'>): void {
  const others = recents(tenant).filter((one) => one.kind !== kind || one.id !== id);
  try {
    localStorage.setItem(keyOf(tenant), JSON.stringify(others));
  } catch {
    // As above.
  }
}
