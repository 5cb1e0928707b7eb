// A refusal of the server (RFC 9457) as an exception the screens can show: what, why, code, request id.
export interface ProblemField {
  pointer: string;
  detail: string;
}

/**
 * What the request was for: to know something, or to change it; `change once` where the server carries out a request
 * that is repeated with its key only once.
 */
export type Asked = 'read' | 'change' | 'change once';

/** No answer: whether the request was carried out is not known. */
export const AWAY = 'web.away';

export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null,
    readonly fields: readonly ProblemField[],
    readonly retryAfterS: number | null,
    readonly asked: Asked = 'read',
  ) {
    super(detail || title);
  }

  /** The server was not reached at all: offline, restarting, or a connection that broke. */
  static away(cause: unknown, asked: Asked = 'read'): Problem {
    const detail = cause instanceof Error && cause.message ? cause.message : 'no answer';
    return new Problem(
      0,
      AWAY,
      'Wheelhouse cannot be reached',
      `The request got no answer (${detail}).`,
      null,
      [],
      null,
      asked,
    );
  }

  /** The request was stopped by us, on purpose. */
  static stopped(): Problem {
    return new Problem(0, 'web.stopped', 'Stopped', 'The request was stopped here.', null, [], null);
  }

  static from(
    status: number,
    body: unknown,
    requestId: string | null,
    retryAfter: string | null,
    asked: Asked = 'read',
  ): Problem {
    const it = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    const word = (key: string) => (typeof it[key] === 'string' ? (it[key] as string) : '');
    const errors = Array.isArray(it['errors']) ? (it['errors'] as ProblemField[]) : [];
    return new Problem(
      status,
      word('code') || `http.${status}`,
      word('title') || `The server answered ${status}`,
      word('detail'),
      word('request_id') || requestId,
      errors.filter((one) => typeof one?.pointer === 'string' && typeof one?.detail === 'string'),
      retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null,
      asked,
    );
  }

  get signedOut(): boolean {
    return this.status === 401;
  }
}

/** Any thrown thing as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(0, 'web.fault', 'This page has a fault', detail, null, [], null);
}
