// What to do about a refusal, and what is known of the change it was to be. Pure: words from a problem.
import { AWAY, type Problem } from '@/api/problem';

/** What happened in the browser: no server can help. */
const OURS: Record<string, string> = {
  'web.fault': 'Load the page again. If it stays, tell the operator what stands here.',
  'web.file': 'Choose the file again.',
  'web.stopped': '',
  'web.unsure': 'Look at the past imports of the panel before you send the file again.',
};

/**
 * Failures of the server (5xx) after which nothing is changed for certain: refused before anything began, or undone as
 * a whole. Of all others a change may be left: a connection that broke in the commit does not say what became of it.
 */
export const UNTOUCHED: readonly string[] = [
  'dataset.import_stopped',
  'dataset.imports_busy',
  'db.held_too_long',
  'db.retry',
  'db.tenant',
  'identity.busy',
  'server.connections',
  'server.overloaded',
  'server.starting',
];

const LOOK = 'It is not known whether the change was made: look at the page again before you repeat it.';
const AGAIN = 'It is not known whether the change was made. Send it again as it is: it is made only once.';

/** What to do about it; null where the problem's own words say it. */
export function advice(problem: Problem): string | null {
  const ours = OURS[problem.code];
  if (ours !== undefined) return ours;
  const left = leftBy(problem);
  const words = [left, left === LOOK ? cause(problem) : remedy(problem)].filter(Boolean);
  return words.length > 0 ? words.join(' ') : null;
}

/** What came of the change; null where none was asked for, and where a refusal says it by its status. */
function leftBy({ status, code, asked }: Problem): string | null {
  if (asked === 'read' || (status > 0 && status < 500)) return null;
  if (UNTOUCHED.includes(code)) return 'Nothing was changed.';
  // The server has the key as long as the work runs, and keeps it when it was done. A failure of its own gives the key back.
  const kept = code === AWAY || code === 'server.deadline' || code.startsWith('http.');
  return asked === 'change once' && kept ? AGAIN : LOOK;
}

/** When and how the same request may succeed. */
function remedy(problem: Problem): string | null {
  const { status, retryAfterS } = problem;
  if (retryAfterS !== null) return `Try again in ${retryAfterS} s.`;
  if (status === 0) return 'Check that the server runs and that you are online, then try again.';
  if (status === 403) return 'Ask an admin of this company for the role that may do it.';
  if (status === 404) return 'It was deleted, or it belongs to another company: switch company above.';
  if (status === 503 || status === 504)
    return 'The server is busy or starting. The same request may succeed in a moment.';
  return cause(problem);
}

/** Where to look for the cause, before anything is tried again. */
function cause({ status, requestId }: Problem): string | null {
  if (status === 0) return 'Check that the server runs and that you are online.';
  return status >= 500 && requestId !== null ? 'The log holds the cause under the request id.' : null;
}
