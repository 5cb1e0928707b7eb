// From a filled form to a request, its curl command, and its answer. Knows no operation by name.
import { address } from '@/api/client';
import { type Asked, Problem } from '@/api/problem';
import { curl } from '@/lib/curl';
import { parseKept, writeExact } from '@/lib/json';
import { markUse } from '@/lib/use';
import type { Operation } from './operations';
import { type Errors, type Typed, valueIn } from './schema';

export interface Prepared {
  /** Whether it is to change something. */
  changes: boolean;
  method: string;
  path: string;
  /** For `writeExact`. */
  json?: unknown;
  file?: { file: File; type: string };
  /** Places whose value is not to be shown. */
  secrets: readonly string[];
}

export type Preparing = { errors: Errors } | { errors: null; request: Prepared };

export function prepare(operation: Operation, typed: Typed, file: File | null): Preparing {
  const errors: Record<string, string> = {};
  const groups: Record<string, Record<string, unknown>> = { path: {}, query: {} };
  for (const field of operation.parameters) {
    const value = valueIn(field, typed, errors);
    const group = groups[field.at.split('/')[0] ?? ''];
    if (value === undefined || !group) continue;
    const written = field.kind === 'json' || field.kind === 'integer';
    group[field.name] = written ? writeExact(value) : Array.isArray(value) ? value.join(',') : value;
  }
  const body = bodyOf(operation, typed, file, errors);
  if (Object.keys(errors).length > 0) return { errors };
  const request = {
    changes: operation.risk !== 'read',
    method: operation.method,
    path: address(operation.path, groups['path'], groups['query']),
    secrets:
      operation.body.kind === 'json'
        ? operation.body.fields.filter((one) => one.kind === 'secret').map((one) => one.name)
        : [],
    ...body,
  };
  return { errors: null, request };
}

function bodyOf(
  { body }: Operation,
  typed: Typed,
  file: File | null,
  errors: Record<string, string>,
): Pick<Prepared, 'json' | 'file'> {
  if (body.kind === 'none') return {};
  if (body.kind === 'file') {
    if (!file) {
      errors[body.field.at] = 'Choose a file';
      return {};
    }
    const known = body.types.includes(file.type) ? file.type : undefined;
    const raw = body.types.find((type) => type === 'application/octet-stream');
    return { file: { file, type: known ?? raw ?? body.types[0] ?? 'application/octet-stream' } };
  }
  const [only] = body.fields;
  if (only && only.at === 'body') return { json: valueIn(only, typed, errors) };
  const json: Record<string, unknown> = {};
  for (const field of body.fields) {
    const value = valueIn(field, typed, errors);
    if (value !== undefined) json[field.name] = value;
  }
  return { json };
}

/** The request as a command; passwords are left to be filled in. */
export function asCurl({ method, path, json, file, secrets }: Prepared): string {
  const shown =
    typeof json === 'object' && json !== null && !Array.isArray(json)
      ? Object.fromEntries(
          Object.entries(json).map(([name, value]) => [name, secrets.includes(name) ? '…' : value]),
        )
      : json;
  return curl({
    method,
    path,
    ...(json === undefined ? {} : { json: shown }),
    ...(file ? { file: { name: file.file.name, type: file.type } } : {}),
  });
}

export interface Answered {
  status: number;
  /** The parsed JSON, for `writeExact`, or the text; undefined when there is none. */
  data: unknown;
  type: string;
  tookMs: number;
  requestId: string | null;
}

export interface Sending {
  done: Promise<Answered>;
  stop: () => void;
}

/** Sends it; told how far an upload is. An answer that is no success is thrown as its problem. */
export function send(request: Prepared, key: string | null, onProgress: (share: number) => void): Sending {
  const wire = new XMLHttpRequest();
  const asked: Asked = !request.changes ? 'read' : key ? 'change once' : 'change';
  const began = performance.now();
  const done = new Promise<Answered>((resolve, reject) => {
    wire.open(request.method, request.path);
    wire.setRequestHeader('accept', 'application/json, */*;q=0.5');
    if (request.json !== undefined) wire.setRequestHeader('content-type', 'application/json');
    if (request.file) wire.setRequestHeader('content-type', request.file.type);
    if (key) wire.setRequestHeader('idempotency-key', `"${key}"`);
    wire.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    wire.onerror = () => reject(Problem.away(null, asked));
    wire.onabort = () => reject(Problem.stopped());
    wire.onload = () => {
      markUse();
      const type = wire.getResponseHeader('content-type') ?? '';
      const data = parsed(wire.responseText, type);
      const requestId = wire.getResponseHeader('x-request-id');
      if (wire.status >= 200 && wire.status < 300)
        return resolve({ status: wire.status, data, type, tookMs: performance.now() - began, requestId });
      reject(Problem.from(wire.status, data, requestId, wire.getResponseHeader('retry-after'), asked));
    };
    wire.send(
      request.file ? request.file.file : request.json === undefined ? null : writeExact(request.json),
    );
  });
  return { done, stop: () => wire.abort() };
}

function parsed(text: string, type: string): unknown {
  if (text === '') return undefined;
  if (!/[/+]json/.test(type)) return text;
  try {
    return parseKept(text);
  } catch {
    return text;
  }
}
