// People of a house, by its API: who sets it up, who signs in. What the tests look at goes through the browser.
import { type APIRequestContext, type BrowserContext, expect } from '@playwright/test';
import type { House } from './house';

export const OWNER = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'granite-otter-lantern-47' };
export const COMPANY = 'Analytical Engines';

/** Sets the house up without the browser; the context is signed in as the owner afterwards. */
export async function setUp(house: House, context: BrowserContext): Promise<void> {
  const token = new URL(house.printed).hash.slice(1);
  await send(context.request, 'POST', `${house.url}/v1/identity/setup`, house, {
    token,
    company: COMPANY,
    ...OWNER,
  });
}

export async function send(
  request: APIRequestContext,
  method: string,
  url: string,
  house: House,
  data?: object | Buffer,
): Promise<unknown> {
  const answer = await request.fetch(url, {
    method,
    headers: {
      origin: house.url,
      'content-type': Buffer.isBuffer(data) ? 'application/octet-stream' : 'application/json',
    },
    ...(data === undefined ? {} : { data }),
  });
  expect(answer.ok(), `${method} ${url}: ${answer.status()} ${await answer.text()}`).toBe(true);
  return answer.status() === 204 ? null : await answer.json();
}
