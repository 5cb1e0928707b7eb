// Sends a file: a sample for the preview, the whole of it for the import. Knows bytes, not rows.
import { address, refuse } from '@/api/client';
import type { Import } from '@/api/panels';
import { Problem } from '@/api/problem';
import { follow, halt, IMPORT_STOPPED, newestImport, type Sending, type Traits } from './outcome';
import { type Detected, type Hints, type Mode, type ReadOptions, shortened } from './reading';

/** As much as the browser reads of the file; the rest is read by the server. */
const SAMPLE_BYTES = 1024 * 1024;

export async function preview(file: File, hints: Hints, signal: AbortSignal): Promise<Detected> {
  const url = address('/v1/panels/preview', {}, { file_name: file.name, hints: JSON.stringify(hints) });
  let sample: ArrayBuffer;
  try {
    sample = await file.slice(0, SAMPLE_BYTES).arrayBuffer();
  } catch {
    throw unreadable(file);
  }
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/octet-stream' },
      body: sample,
      signal,
      credentials: 'same-origin',
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw Problem.away(cause);
  }
  if (!response.ok) return refuse(response);
  return (await response.json()) as Detected;
}

const unreadable = (file: File) =>
  new Problem(
    0,
    'web.file',
    'The file cannot be read',
    `${file.name} was moved, changed or is not allowed to be read.`,
    null,
    [],
    null,
  );

/** The longest address that the server takes as it is delivered. */
const ADDRESS_BYTES_MAX = 48 * 1024;
/** As long as every id of a panel. */
const ANY_ID = '00000000-0000-0000-0000-000000000000';

function importAddress(panelId: string, fileName: string, mode: Mode, options: ReadOptions | null): string {
  const query = {
    mode,
    file_name: fileName,
    ...(options ? { options: JSON.stringify(shortened(options)) } : {}),
  };
  return address('/v1/panels/{id}/imports', { id: panelId }, query);
}

/** Whether the server would take so many columns in an address. */
export const fitsAddress = (fileName: string, mode: Mode, options: ReadOptions | null): boolean =>
  importAddress(ANY_ID, fileName, mode, options).length <= ADDRESS_BYTES_MAX;

export interface Upload {
  /** The import that is done, or the problem; `web.stopped` where it was stopped in time. */
  done: Promise<Import>;
  /** Ends it at the server as well; what came of that is told by `done`. */
  stop: () => void;
}

interface Sent {
  panelId: string;
  /** The panel was made for this import: no other can be in its record. */
  fresh: boolean;
  /** Who sends it. */
  by: string;
  file: File;
  mode: Mode;
  /** How to read it; null: as the server finds by itself. */
  options: ReadOptions | null;
  /** Gets the bytes that have left. */
  onSent: (bytes: number) => void;
  /** Gets why it was not stopped: it goes on, and may be stopped again. */
  onStopRefused: (problem: Problem) => void;
}

/** Sends the whole file; an upload that is stopped in time leaves the panel as it was. */
export function upload(sent: Sent): Upload {
  const { panelId, fresh, by, file, mode, onStopRefused } = sent;
  const request = new XMLHttpRequest();
  const sending: Sending = { whole: false, over: false };
  let begun = false;
  let stopping = false;
  let tell: (result: Promise<Import>) => void = () => undefined;
  // The answer and the stop both find out what came of it: what is known first counts.
  const ended = new Promise<Import>((resolve, reject) => {
    tell = (result) => void result.then(resolve, reject);
  });
  const before: Promise<string | null> = fresh ? Promise.resolve(null) : newestImport(panelId);
  const traits = before.then((after): Traits => ({ panelId, fileName: file.name, mode, by, after }));

  const start = async () => {
    const mine = await traits;
    if (stopping) throw Problem.stopped();
    begun = true;
    const answer = await send(request, sent, sending);
    if (!(answer instanceof Problem)) return answer;
    if (stopping && answer.code === IMPORT_STOPPED) throw Problem.stopped();
    if (answer.status > 0 && answer.status < 500) throw answer;
    return follow(mine, answer, sending);
  };
  const stop = async () => {
    const came = await halt(await traits, sending, () => request.abort());
    if (!(came instanceof Problem)) return tell(Promise.resolve(came));
    stopping = false;
    if (!sending.over) onStopRefused(came);
  };
  tell(start());
  return {
    done: ended.finally(() => {
      sending.over = true;
    }),
    stop: () => {
      if (stopping) return;
      stopping = true;
      if (begun) stop().catch((error: unknown) => tell(Promise.reject(error)));
    },
  };
}

/** The answer, or why there is none. Comes to no end when it is aborted: whoever did that finds out what came of it. */
function send(request: XMLHttpRequest, sent: Sent, sending: Sending): Promise<Import | Problem> {
  const { panelId, file, mode, options, onSent } = sent;
  return new Promise((resolve) => {
    request.open('POST', importAddress(panelId, file.name, mode, options));
    request.responseType = 'json';
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.upload.onload = () => {
      sending.whole = true;
      onSent(file.size);
    };
    request.onload = () => {
      if (request.status === 201) return resolve(request.response as Import);
      const header = (name: string) => request.getResponseHeader(name);
      // What came of it is found out: nothing of that is left to the words on what failed.
      resolve(Problem.from(request.status, request.response, header('x-request-id'), header('retry-after')));
    };
    request.onerror = () => resolve(Problem.away(new Error('the upload broke off')));
    request.send(file);
  });
}
