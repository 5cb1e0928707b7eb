// What came of an upload, as the server wrote it down: an answer may be lost, a stop may come too late. The record decides.
import { api } from '@/api/client';
import type { Import } from '@/api/panels';
import { asProblem, Problem } from '@/api/problem';

/** What tells the record of one upload from the others of its panel. */
export interface Traits {
  panelId: string;
  fileName: string;
  mode: Import['mode'];
  by: string;
  /** The newest import before it; null where there was none. */
  after: string | null;
}

/** So many of the newest imports are looked at. */
const LOOKED_AT = 50;
const ASK_EVERY_MS = 1_000;
/** Who waits longer for a word has none. */
const WORD_WITHIN_MS = 15_000;
/** So often nobody answers before it is given up. */
const SILENT_MAX = 3;

const UPLOAD_BROKEN = 'panels.upload_broken';
export const IMPORT_STOPPED = 'panels.import_stopped';
const IMPORT_ENDED = 'panels.import_ended';

/** What happened here, and what follows from it: no server has said it. */
const told = (code: string, title: string, detail: string) =>
  new Problem(0, code, title, detail, null, [], null);

const broken = () =>
  told(
    UPLOAD_BROKEN,
    'The upload broke off',
    'The connection ended before all of the file was sent. Nothing was stored.',
  );

/** It is not known here whether the rows are stored, or still will be. */
export const UNSURE = 'web.unsure';

export const unsure = () =>
  told(UNSURE, 'The answer was lost', 'All of the file may have arrived, and its rows may be stored.');

const pause = (ms = ASK_EVERY_MS) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const soon = () => AbortSignal.timeout(WORD_WITHIN_MS);

const newest = (panelId: string, limit: number) =>
  api.get('/v1/panels/{id}/imports', { path: { id: panelId }, query: { limit }, signal: soon() });

export async function newestImport(panelId: string): Promise<string | null> {
  return (await newest(panelId, 1)).items[0]?.id ?? null;
}

/** The record of the upload; null where there is none. */
async function recordOf({ panelId, fileName, mode, by, after }: Traits): Promise<Import | null> {
  let items: readonly Import[];
  try {
    ({ items } = await newest(panelId, LOOKED_AT));
  } catch (error) {
    // With the panel, everything that was imported into it is gone.
    if (asProblem(error).status === 404) return null;
    throw error;
  }
  const known = items.findIndex(({ id }) => id === after);
  const later = known < 0 ? items : items.slice(0, known);
  const mine = later.filter(
    (one) => one.file_name === fileName && one.mode === mode && one.started_by === by,
  );
  // Where another tab sends the same file, its import began after this one.
  return mine.at(-1) ?? null;
}

/** Whether a panel that was made for an import has surely got no rows. Where nobody says so, it may have. */
export async function gotNothing(panelId: string): Promise<boolean> {
  try {
    return (await newest(panelId, LOOKED_AT)).items.every(({ state }) => state === 'failed');
  } catch {
    return false;
  }
}

/** An import that has ended: itself, or why the panel shows what it showed before. */
function endOf(record: Import): Import {
  if (record.state === 'done') return record;
  const why = record.problem;
  if (why?.code === UPLOAD_BROKEN) throw broken();
  const code = why?.code ?? IMPORT_STOPPED;
  throw new Problem(409, code, 'the import ended early', why?.detail ?? '', null, [], null);
}

/** How far an upload is, as its page sees it. */
export interface Sending {
  /** Every byte has left: the server may have taken them all, whatever it says. */
  whole: boolean;
  /** What came of it is known: nothing is left to ask. */
  over: boolean;
}

/** Instead of an answer that did not come, or that says no more than that something broke: asks until the import has ended. */
export async function follow(traits: Traits, lost: Problem, sending: Sending): Promise<Import> {
  for (let silent = 0; !sending.over; await pause()) {
    const record = await recordOf(traits).catch(() => undefined);
    if (record === undefined) {
      silent += 1;
      if (!sending.whole) throw lost;
      if (silent >= SILENT_MAX) throw unsure();
      continue;
    }
    silent = 0;
    if (record === null) throw lost.status > 0 ? lost : sending.whole ? unsure() : broken();
    if (record.state === 'running') continue;
    // The answer knows the request, the record only the code.
    if (record.problem?.code === lost.code && lost.status > 0) throw lost;
    return endOf(record);
  }
  throw lost;
}

/** Has the server stop it. Comes with its record as it ended; null where there is none. */
async function stopped(traits: Traits): Promise<Import | null> {
  const record = await recordOf(traits);
  if (record?.state !== 'running') return record;
  const path = { id: traits.panelId, import_id: record.id };
  try {
    return await api.post('/v1/panels/{id}/imports/{import_id}/stop', { path, signal: soon() });
  } catch (error) {
    // It ended at this moment: its record says how.
    if (asProblem(error).code !== IMPORT_ENDED) throw error;
    return await api.get('/v1/panels/{id}/imports/{import_id}', { path, signal: soon() });
  }
}

/** How long to wait before asking again: only "not so often" says so, and not if that is too long for who waits. */
function againAfterMs({ status, retryAfterS }: Problem): number | null {
  if (status !== 429) return null;
  const ms = Math.max(ASK_EVERY_MS, (retryAfterS ?? 0) * 1_000);
  return ms <= WORD_WITHIN_MS ? ms : null;
}

const notStopped = ({ status, code, title, detail, requestId, retryAfterS }: Problem) =>
  new Problem(
    status,
    code,
    'the import was not stopped, and goes on',
    detail || title,
    requestId,
    [],
    retryAfterS,
  );

/**
 * Stops an upload, and finds out whether that came in time: throws `web.stopped` where the panel is as it was, and comes with
 * the import where it is not. Where the server refuses to stop it, it comes with the refusal, and the import goes on: what
 * becomes of that is told by its own answer. `abort` ends the sending.
 */
export async function halt(traits: Traits, sending: Sending, abort: () => void): Promise<Import | Problem> {
  let aborted = false;
  for (let silent = 0; !sending.over; ) {
    const record = await stopped(traits).catch(asProblem);
    if (record && !(record instanceof Problem)) {
      abort();
      const code = record.problem?.code;
      // The line was broken here: that is how a stop of the first moment ends it.
      if (code === IMPORT_STOPPED || (aborted && code === UPLOAD_BROKEN)) throw Problem.stopped();
      return endOf(record);
    }
    if (!sending.whole) {
      abort();
      // Of a file that is not whole nothing is stored. What had just left, though it was not known here, may have begun it.
      if (aborted || record) throw Problem.stopped();
      aborted = true;
      continue;
    }
    if (record && record.status >= 400 && record.status < 500) {
      const ms = againAfterMs(record);
      if (ms === null) return notStopped(record);
      await pause(ms);
      continue;
    }
    silent += 1;
    if (silent >= SILENT_MAX) {
      abort();
      throw unsure();
    }
    await pause();
  }
  throw Problem.stopped();
}
