// A thin typed fetch over the generated paths: a path, a method, its parameters and its body, checked by the compiler.
import { parseExact } from '@/lib/json';
import { markUse } from '@/lib/use';
import { type Asked, Problem } from './problem';
import type { paths } from './schema.gen';

type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never;
}[keyof paths];
export type Operation<P extends keyof paths, M extends Method> =
  paths[P] extends Record<M, infer O> ? O : never;

type Json<C> = C extends { 'application/json': infer T } ? T : undefined;
type Content<R> = R extends { content: infer C } ? Json<C> : undefined;
type Responses<O> = O extends { responses: infer R } ? R : never;
type Success<R> = R[Extract<keyof R, 200 | 201 | 202 | 204>];
/** What the operation answers when it succeeds. */
export type Answer<P extends keyof paths, M extends Method> = Content<Success<Responses<Operation<P, M>>>>;
/** What the operation takes as its body. */
export type Body<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { requestBody: { content: infer C } } ? Json<C> : undefined;
type PathParams<O> = O extends { parameters: { path: infer T } } ? T : undefined;
type QueryParams<O> = O extends { parameters: { query?: infer T } } ? T : undefined;

type Needs<K extends string, T> = [T] extends [undefined] ? { [k in K]?: undefined } : { [k in K]: T };
export type Options<P extends keyof paths, M extends Method> = Needs<'path', PathParams<Operation<P, M>>> &
  Needs<'body', Body<P, M>> & {
    query?: QueryParams<Operation<P, M>>;
    signal?: AbortSignal;
    /** Set it once per intent, so that a repeated send of a change is carried out once. */
    idempotencyKey?: string;
    /** Doing it again does no harm: where its answer is lost, nobody has to look whether it was done. */
    harmless?: true;
    /** Whole numbers that a browser's numbers cannot hold come as texts. */
    exact?: true;
  };

/** The address of an operation, parameters filled in; also what "Copy as" shows. */
export function address(template: string, path?: object, query?: object): string {
  let url = template;
  for (const [key, value] of Object.entries(path ?? {})) {
    url = url.replace(`{${key}}`, encodeURIComponent(String(value)));
  }
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${url}?${text}` : url;
}

/** Turns an answer that is not a success into a thrown problem. */
export async function refuse(response: Response, asked: Asked = 'read'): Promise<never> {
  const body: unknown = await response.json().catch(() => null);
  const { headers, status } = response;
  throw Problem.from(status, body, headers.get('x-request-id'), headers.get('retry-after'), asked);
}

/** They put another session in the place of the one that asks: until their answer is here, the browser may have a spent cookie. */
const REPLACES_SESSION: readonly string[] = ['/v1/identity/password', '/v1/identity/session/tenant'];
/** Settles with the answer of such a change that is on its way. */
let replacing: Promise<void> | null = null;

function whileReplacing<T>(change: Promise<T>): Promise<T> {
  const settled = change.then(
    () => undefined,
    () => undefined,
  );
  replacing = settled;
  void settled.then(() => {
    if (replacing === settled) replacing = null;
  });
  return change;
}

function call<P extends keyof paths, M extends Method>(
  method: M,
  template: P & string,
  options: Options<P, M>,
): Promise<Answer<P, M>> {
  const answer = ask(method, template, options);
  return REPLACES_SESSION.includes(template) ? whileReplacing(answer) : answer;
}

async function ask<P extends keyof paths, M extends Method>(
  method: M,
  template: P & string,
  options: Options<P, M>,
): Promise<Answer<P, M>> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.idempotencyKey) headers['idempotency-key'] = `"${options.idempotencyKey}"`;
  const change = options.idempotencyKey ? 'change once' : 'change';
  const asked = method === 'get' || options.harmless ? 'read' : change;
  const send = async (): Promise<Response> => {
    try {
      return await fetch(
        address(template, options.path as object | undefined, options.query as object | undefined),
        {
          method: method.toUpperCase(),
          headers,
          body: options.body === undefined ? null : JSON.stringify(options.body),
          signal: options.signal ?? null,
          credentials: 'same-origin',
          cache: 'no-store',
        },
      );
    } catch (cause) {
      if (options.signal?.aborted) throw cause;
      throw Problem.away(cause, asked);
    }
  };
  const before = replacing;
  let response = await send();
  const replaced = before ?? replacing;
  if (response.status === 401 && method === 'get' && replaced) {
    await replaced;
    response = await send();
  }
  if (!response.ok) return refuse(response, asked);
  markUse();
  if (response.status === 204) return undefined as Answer<P, M>;
  return (options.exact ? parseExact(await response.text()) : await response.json()) as Answer<P, M>;
}

export const api = {
  get: <P extends PathOf<'get'>>(path: P & string, options: Options<P, 'get'>) => call('get', path, options),
  put: <P extends PathOf<'put'>>(path: P & string, options: Options<P, 'put'>) => call('put', path, options),
  post: <P extends PathOf<'post'>>(path: P & string, options: Options<P, 'post'>) =>
    call('post', path, options),
  patch: <P extends PathOf<'patch'>>(path: P & string, options: Options<P, 'patch'>) =>
    call('patch', path, options),
  delete: <P extends PathOf<'delete'>>(path: P & string, options: Options<P, 'delete'>) =>
    call('delete', path, options),
};
