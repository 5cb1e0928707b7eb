// An upload that is stopped, or whose answer is lost: the server's record says what came of it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Import } from '../src/api/panels';
import type { Problem } from '../src/api/problem';
import { gotNothing } from '../src/features/panels/import/outcome';
import type { ReadOptions } from '../src/features/panels/import/reading';
import { fitsAddress, upload } from '../src/features/panels/import/upload';

const ME = 'me';

function record(id: string, more: Partial<Import> = {}): Import {
  return {
    id,
    panel_id: 'p',
    panel_title: 'Panel',
    mode: 'append',
    state: 'running',
    file_name: 'f.csv',
    rows: 0,
    bad_lines: 0,
    bad_lines_kept: 0,
    unknown_keys: [],
    bytes: 0,
    started_by: ME,
    started_at: '2013-01-01T00:00:00Z',
    ...more,
  } as Import;
}

const failed = (id: string, code: string) =>
  record(id, { state: 'failed', problem: { code, detail: `because of ${code}` } });

/** The records of one panel, the newest first, and what is asked about them. */
class Server {
  imports: Import[] = [];
  asked: string[] = [];
  /** Nobody answers. */
  away = false;
  /** What the next looks are refused with, one after the other. */
  refusals: { status: number; code: string; after?: string }[] = [];
  /** Something else happens just before a stop arrives. */
  beforeStop: () => void = () => undefined;

  fetch = async (address: string, init: { method: string }): Promise<Response> => {
    const [path = ''] = address.split('?');
    this.asked.push(`${init.method} ${path}`);
    if (this.away) throw new TypeError('Failed to fetch');
    const refusal = this.refusals.shift();
    if (refusal) {
      const headers: Record<string, string> = refusal.after ? { 'retry-after': refusal.after } : {};
      return Response.json({ code: refusal.code, title: 'refused' }, { status: refusal.status, headers });
    }
    const [, , , , , id, verb] = path.split('/');
    if (id === undefined) return Response.json({ items: this.imports });
    if (verb === 'stop') {
      this.beforeStop();
      const place = this.imports.findIndex((one) => one.id === id);
      if (this.imports[place]?.state !== 'running')
        return Response.json({ code: 'panels.import_ended', title: 'ended' }, { status: 409 });
      this.imports[place] = failed(id, 'panels.import_stopped');
    }
    return Response.json(this.imports.find((one) => one.id === id));
  };

  ends(id: string, as: Import): void {
    this.imports = this.imports.map((one) => (one.id === id ? as : one));
  }

  get stops(): string[] {
    return this.asked.filter((one) => one.endsWith('/stop'));
  }
}

/** The browser's request, answered by the test. */
class Wire {
  static last: Wire;
  status = 0;
  response: unknown = null;
  responseType = '';
  address = '';
  aborted = false;
  upload: { onprogress?: (event: { loaded: number }) => void; onload?: () => void } = {};
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;

  constructor() {
    Wire.last = this;
  }

  open(_method: string, address: string): void {
    this.address = address;
  }

  setRequestHeader(): void {}

  getResponseHeader(): null {
    return null;
  }

  send(): void {}

  abort(): void {
    this.aborted = true;
    this.onabort?.();
  }

  answers(status: number, response: unknown): void {
    this.status = status;
    this.response = response;
    this.onload?.();
  }
}

let server: Server;
let refused: string[] = [];
const onStopRefused = ({ code }: Problem) => void refused.push(code);
const options: ReadOptions = {
  format: 'csv',
  columns: [{ source: 'a', name: 'a', kind: 'integer', skip: false }],
};

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  refused = [];
  vi.stubGlobal('fetch', server.fetch);
  vi.stubGlobal('XMLHttpRequest', Wire);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Begins an upload, up to where its record is there and as much has left as is said. */
async function begin(left: 'some' | 'all', fresh = false) {
  const file = new File(['a\n1\n'], 'f.csv');
  const onSent = () => undefined;
  const sent = { panelId: 'p', fresh, by: ME, file, options, onSent, onStopRefused };
  const run = upload({ ...sent, mode: 'append' });
  const outcome = run.done.catch((error: Problem) => error.code);
  await vi.advanceTimersByTimeAsync(0);
  server.imports.unshift(record('mine'));
  if (left === 'all') Wire.last.upload.onload?.();
  else Wire.last.upload.onprogress?.({ loaded: 1 });
  return { stop: run.stop, outcome, wire: Wire.last };
}

const STOP_MINE = 'POST /v1/panels/p/imports/mine/stop';

test.each(['some', 'all'] as const)('a stop is sent to the server: %s of the file has left', async (left) => {
  const { stop, outcome, wire } = await begin(left);
  stop();
  stop();
  expect(await outcome).toBe('web.stopped');
  expect(server.stops).toEqual([STOP_MINE]);
  expect(wire.aborted).toBe(true);
});

test('a stop that comes too late tells the rows that were stored', async () => {
  const { stop, outcome } = await begin('all');
  server.beforeStop = () => server.ends('mine', record('mine', { state: 'done', rows: 7 }));
  stop();
  expect(await outcome).toMatchObject({ state: 'done', rows: 7 });
});

test('an answer that comes before the stop counts', async () => {
  const { stop, outcome, wire } = await begin('all');
  stop();
  wire.answers(201, record('mine', { state: 'done', rows: 3 }));
  expect(await outcome).toMatchObject({ rows: 3 });
});

test('the refusal that a stop brings about is the stop', async () => {
  const { stop, outcome, wire } = await begin('all');
  stop();
  wire.answers(409, { code: 'panels.import_stopped', title: 'stopped' });
  expect(await outcome).toBe('web.stopped');
});

test('another’s import of the same file is not stopped, nor one from before', async () => {
  server.imports = [record('before')];
  const { stop, outcome } = await begin('all');
  server.imports.unshift(record('other', { started_by: 'you' }), record('later tab'));
  stop();
  expect(await outcome).toBe('web.stopped');
  expect(server.stops).toEqual([STOP_MINE]);
});

test('where nobody answers, what has not left whole is stopped, and what has is not sure', async () => {
  for (const [left, code] of [
    ['some', 'web.stopped'],
    ['all', 'web.unsure'],
  ] as const) {
    server.away = false;
    const { stop, outcome, wire } = await begin(left);
    server.away = true;
    stop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await outcome, left).toBe(code);
    expect(wire.aborted).toBe(true);
  }
});

test('before the record is there, what had not left whole is stopped; what comes up then is stopped as well', async () => {
  const { stop, outcome, wire } = await begin('some');
  server.imports = [];
  const abort = wire.abort.bind(wire);
  wire.abort = () => {
    abort();
    if (server.imports.length === 0) server.imports = [record('mine')];
  };
  stop();
  expect(await outcome).toBe('web.stopped');
  expect(server.stops).toEqual([STOP_MINE]);
});

test('a line that was broken here to stop it is a stop, whatever the server makes of it', async () => {
  const { stop, outcome, wire } = await begin('some');
  server.imports = [];
  const abort = wire.abort.bind(wire);
  wire.abort = () => {
    abort();
    server.imports = [failed('mine', 'panels.upload_broken')];
  };
  stop();
  expect(await outcome).toBe('web.stopped');
  expect(server.stops).toEqual([]);
});

test.each([
  [401, 'identity.session'],
  [403, 'server.forbidden'],
  [429, 'server.rate', '3600'],
] as const)(
  'a stop that is refused (%i) is told, ends nothing, and may be asked for again',
  async (...refusal) => {
    const [status, code, after] = refusal;
    const { stop, outcome, wire } = await begin('all');
    server.refusals = [{ status, code, ...(after ? { after } : {}) }];
    stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(refused).toEqual([code]);
    expect(wire.aborted).toBe(false);
    stop();
    expect(await outcome).toBe('web.stopped');
    expect(server.stops).toEqual([STOP_MINE]);
  },
);

test('an import whose stop was refused is told by its own answer', async () => {
  const { stop, outcome, wire } = await begin('all');
  server.refusals = [{ status: 403, code: 'server.forbidden' }];
  stop();
  await vi.advanceTimersByTimeAsync(0);
  wire.answers(201, record('mine', { state: 'done', rows: 4 }));
  expect(await outcome).toMatchObject({ rows: 4 });
});

test('a stop that comes too often is asked again when it may be', async () => {
  const { stop, outcome } = await begin('all');
  server.refusals = Array.from({ length: 4 }, () => ({ status: 429, code: 'server.rate', after: '2' }));
  stop();
  await vi.advanceTimersByTimeAsync(7_000);
  expect(server.stops).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toBe('web.stopped');
  expect(refused).toEqual([]);
  expect(server.stops).toEqual([STOP_MINE]);
});

test.each([
  ['a gateway', 504, '<html>'],
  ['the database', 503, { code: 'db.away', title: 'away' }],
] as const)('%s loses the answer: the record is followed to its end', async (_, status, body) => {
  const { outcome, wire } = await begin('all');
  wire.answers(status, body);
  await vi.advanceTimersByTimeAsync(5_000);
  server.ends('mine', record('mine', { state: 'done', rows: 9 }));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toMatchObject({ rows: 9 });
});

test('a broken line is followed too: to why it failed, to the rows, or to nothing', async () => {
  for (const [end, expected] of [
    [failed('mine', 'dataset.schema_differs'), 'dataset.schema_differs'],
    [failed('mine', 'panels.upload_broken'), 'panels.upload_broken'],
    [record('mine', { state: 'done', rows: 2 }), { rows: 2 }],
  ] as const) {
    server.imports = [];
    const { outcome, wire } = await begin('all');
    server.ends('mine', end);
    wire.onerror?.();
    if (typeof expected === 'string') expect(await outcome).toBe(expected);
    else expect(await outcome).toMatchObject(expected);
  }
  for (const [left, expected] of [
    ['some', 'panels.upload_broken'],
    ['all', 'web.unsure'],
  ] as const) {
    const { outcome, wire } = await begin(left);
    server.imports = [];
    wire.onerror?.();
    expect(await outcome).toBe(expected);
  }
});

test('a refusal by the server itself is told as it stands', async () => {
  const { outcome, wire } = await begin('all');
  server.ends('mine', failed('mine', 'dataset.imports_busy'));
  wire.answers(503, { code: 'dataset.imports_busy', title: 'busy', request_id: 'r' });
  expect(await outcome).toBe('dataset.imports_busy');
  const second = await begin('all');
  server.imports = [];
  second.wire.answers(502, null);
  expect(await second.outcome).toBe('http.502');
});

test('an import that is followed can be stopped', async () => {
  const { stop, outcome, wire } = await begin('all');
  wire.answers(504, null);
  await vi.advanceTimersByTimeAsync(3_000);
  stop();
  expect(await outcome).toBe('web.stopped');
  expect(server.stops).toEqual([STOP_MINE]);
});

test('a panel got nothing only where its records say so', async () => {
  for (const [imports, nothing] of [
    [[], true],
    [[failed('a', 'x'), failed('b', 'y')], true],
    [[failed('a', 'x'), record('b')], false],
    [[record('a', { state: 'done' })], false],
  ] as const) {
    server.imports = [...imports];
    expect(await gotNothing('p')).toBe(nothing);
  }
  server.away = true;
  expect(await gotNothing('p')).toBe(false);
});

test('how a file is read is sent only where it must be, and without what goes without saying', async () => {
  const { wire } = await begin('all');
  const sent = new URL(wire.address, 'http://x').searchParams;
  expect(JSON.parse(sent.get('options') ?? '')).toEqual({
    format: 'csv',
    columns: [{ source: 'a', name: 'a', kind: 'integer' }],
  });
  const file = new File(['a\n1\n'], 'f.csv');
  upload({
    panelId: 'p',
    fresh: true,
    by: ME,
    file,
    mode: 'replace',
    options: null,
    onSent: () => undefined,
    onStopRefused,
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(Wire.last.address).toBe('/v1/panels/p/imports?mode=replace&file_name=f.csv');
});

test('very many columns fit where nothing was corrected', () => {
  const columns = Array.from({ length: 1000 }, (_, i) => ({
    source: `column ${i}`,
    name: `column ${i}`,
    kind: 'text' as const,
  }));
  expect(fitsAddress('f.csv', 'replace', null)).toBe(true);
  expect(fitsAddress('f.csv', 'replace', { format: 'csv', columns: columns.slice(0, 300) })).toBe(true);
  expect(fitsAddress('f.csv', 'replace', { format: 'csv', columns })).toBe(false);
});
