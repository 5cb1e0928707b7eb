// Sends a file: a sample for the preview, the whole of it for the import. Knows bytes, not rows.
import { type Answer, address, api, refuse } from '@/api/client';
import type { Import } from '@/api/panels';
import { Problem } from '@/api/problem';

export type Detected = Answer<'/v1/panels/preview', 'post'>;
export type ReadOptions = Detected['options'];
export type Mode = Import['mode'];

/** What a person says about the file; what is absent is detected. */
export interface Hints {
  format?: ReadOptions['format'];
  encoding?: NonNullable<ReadOptions['encoding']>;
  delimiter?: string;
  /** The empty text says that nothing is quoted. */
  quote?: string;
  header?: NonNullable<ReadOptions['header']>;
  nulls?: string[];
  columns: ColumnHint[];
}

export interface ColumnHint {
  source: string;
  name?: string;
  kind?: ReadOptions['columns'][number]['kind'];
  skip?: boolean;
}

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

const UPLOAD_BROKEN = 'panels.upload_broken';

const broken = () =>
  new Problem(
    0,
    UPLOAD_BROKEN,
    'The upload broke off',
    'The connection ended before all of the file was sent. Nothing was stored.',
    null,
    [],
    null,
  );

const unsure = () =>
  new Problem(
    0,
    'web.unsure',
    'The answer was lost',
    'All of the file may have arrived, and its rows may be stored.',
    null,
    [],
    null,
  );

export interface Upload {
  done: Promise<Import>;
  stop: () => void;
}

interface Sent {
  panelId: string;
  /** The panel was made for this import: no other can be in its record. */
  fresh: boolean;
  file: File;
  mode: Mode;
  options: ReadOptions;
  /** Gets the bytes that have left. */
  onSent: (bytes: number) => void;
}

/** Sends the whole file; stopping leaves the panel as it was. */
export function upload({ panelId, fresh, file, mode, options, onSent }: Sent): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Import>((resolve, reject) => {
    const query = { mode, file_name: file.name, options: JSON.stringify(options) };
    request.open('POST', address('/v1/panels/{id}/imports', { id: panelId }, query));
    request.responseType = 'json';
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.upload.onload = () => onSent(file.size);
    request.onload = () => {
      if (request.status === 201) return resolve(request.response as Import);
      const header = (name: string) => request.getResponseHeader(name);
      const { status, response } = request;
      reject(Problem.from(status, response, header('x-request-id'), header('retry-after'), 'change'));
    };
    request.onerror = () => void recorded(panelId, file, fresh).then(resolve, reject);
    request.onabort = () => reject(Problem.stopped());
    request.send(file);
  });
  return { done, stop: () => request.abort() };
}

/**
 * A line that breaks may take the answer with it: a server that ends an upload early closes it before the answer is
 * read, and one that took all rows may answer into the void. Its record of the import says what came of it.
 */
async function recorded(panelId: string, file: File, fresh: boolean): Promise<Import> {
  const away = Problem.away(new Error('the upload broke off'), 'change');
  const query = { limit: 1 };
  const { items } = await api
    .get('/v1/panels/{id}/imports', { path: { id: panelId }, query })
    .catch(() => Promise.reject(away));
  const last = items.find((one) => one.file_name === file.name);
  if (fresh && last?.state === 'done') return last;
  const why = last?.problem;
  // All of the file may have arrived: then it is stored, or already was.
  if (last && !why) throw fresh ? away : unsure();
  if (!why || why.code === UPLOAD_BROKEN) throw broken();
  throw new Problem(409, why.code, 'the import ended early', why.detail, null, [], null);
}

/** A title from a file's name: `flights_2013.csv` becomes `flights 2013`. */
export function titleOf(name: string): string {
  const bare = name.replace(/(\.(csv|tsv|tab|txt|ndjson|jsonl|ldjson))+$/i, '');
  const words = bare.replace(/[_\s]+/g, ' ').trim();
  return [...(words || name)].slice(0, 80).join('');
}
