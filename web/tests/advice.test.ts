// What is said of a change that failed: that nothing was changed only where it is known.
import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { api } from '../src/api/client';
import { type Asked, asProblem, Problem } from '../src/api/problem';
import { advice, UNTOUCHED } from '../src/ui/advice';

afterEach(() => vi.unstubAllGlobals());

const REQUEST = '01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11';
const words = (status: number, code: string, asked: Asked, retryAfter: string | null = null) =>
  advice(Problem.from(status, { code, title: 'it failed', request_id: REQUEST }, null, retryAfter, asked));

test('of a failure that may have come after the commit it is not said that nothing was changed', () => {
  for (const [status, code] of [
    [500, 'base.internal'],
    [500, 'db.storage'],
    [503, 'db.away'],
    [503, 'db.busy'],
    [504, 'server.deadline'],
    [502, 'http.502'],
  ] as const) {
    const said = words(status, code, 'change', '1');
    expect(said, code).toContain('not known whether the change was made: look at the page again');
    expect(said, code).not.toMatch(/nothing was changed|try again|may succeed/i);
  }
  expect(words(500, 'base.internal', 'change')).toContain('The log holds the cause under the request id');
});

test('what was refused before it began, or was undone as a whole, changed nothing', () => {
  for (const code of UNTOUCHED)
    expect(words(503, code, 'change', '3'), code).toBe('Nothing was changed. Try again in 3 s.');
  // The table of the server's errors still has each of them, as a failure of its own.
  const table = readFileSync(new URL('../../docs/errors.gen.md', import.meta.url), 'utf8');
  for (const code of UNTOUCHED)
    expect(table).toMatch(new RegExp(`\`${code.replace('.', '\\.')}\` \\| 50\\d `));
});

test('a question changes nothing, whatever became of it, and a refusal needs no word about it', () => {
  expect(words(503, 'db.away', 'read', '1')).toBe('Try again in 1 s.');
  expect(words(503, 'db.away', 'read')).toContain('may succeed in a moment');
  expect(words(500, 'base.internal', 'read')).toBe('The log holds the cause under the request id.');
  expect(words(409, 'panels.limit', 'change')).toBeNull();
  expect(words(403, 'server.forbidden', 'change')).toContain('Ask an admin');
});

test('what has a key is sent again where the server still has the key, and nowhere else', () => {
  for (const [status, code] of [
    [504, 'server.deadline'],
    [502, 'http.502'],
  ] as const)
    expect(words(status, code, 'change once'), code).toContain(
      'Send it again as it is: it is made only once',
    );
  expect(advice(Problem.away(null, 'change once'))).toContain('made only once');
  expect(words(503, 'db.away', 'change once')).toContain('look at the page again');
});

test('the client says of each request what it was for', async () => {
  const lost = async (request: () => Promise<unknown>) =>
    asProblem(await request().catch((error) => error)).asked;
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no line')));
  const body = { title: 'New' };
  expect(await lost(() => api.get('/v1/panels', {}))).toBe('read');
  expect(await lost(() => api.post('/v1/panels', { body }))).toBe('change');
  expect(await lost(() => api.post('/v1/panels', { body, idempotencyKey: 'k' }))).toBe('change once');
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('', { status: 502 })));
  expect(await lost(() => api.post('/v1/panels', { body }))).toBe('change');
});
