// When this browser last used its session, known to all of its tabs: what the server counts as idle begins there.
const KEY = 'wheelhouse-used-at';
/** The server writes a use down at most so often: the end may come so much earlier than the sum says. */
const COARSE_MS = 60_000;
const SHARE_EVERY_MS = 5_000;

let usedAt = Date.now();
let shared = 0;
let idleMs: number | null = null;
let endsAt: number | null = null;

/** The server has just answered a request of this session. */
export function markUse(): void {
  usedAt = Date.now();
  if (usedAt - shared < SHARE_EVERY_MS) return;
  shared = usedAt;
  try {
    localStorage.setItem(KEY, String(usedAt));
  } catch {
    // Storage is refused: each tab counts for itself.
  }
}

/** The limits of the session, as the server tells them. */
export function setLimits(idle: number, ends: number): void {
  idleMs = idle;
  endsAt = ends;
}

export function lastUse(): number {
  try {
    const elsewhere = Number(localStorage.getItem(KEY));
    return elsewhere <= Date.now() ? Math.max(usedAt, elsewhere) : usedAt;
  } catch {
    return usedAt;
  }
}

/** From when on the session may be over for want of use; null while the limit is not known. */
export function idleEnd(): number | null {
  return idleMs === null ? null : lastUse() + idleMs - Math.min(COARSE_MS, idleMs / 2);
}

export type Ended = 'idle' | 'over' | 'ended';

/** Why the session is over, as well as a browser can know it. */
export function whyEnded(): Ended {
  const now = Date.now();
  if (endsAt !== null && now >= endsAt) return 'over';
  const idle = idleEnd();
  return idle !== null && now >= idle ? 'idle' : 'ended';
}

/** Somebody signed in: what was known of the session before says nothing any more. */
export function forgetUse(): void {
  idleMs = null;
  endsAt = null;
  usedAt = Date.now();
}
