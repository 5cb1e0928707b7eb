// People of a house, by its API: who sets it up, who signs in. What the tests look at goes through the browser.
import { type APIRequestContext, type Browser, type BrowserContext, expect } from '@playwright/test';
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

/** Another one of the company, invited by those who are signed in; signed in by what comes back. */
export async function join(
  house: House,
  browser: Browser,
  inviting: BrowserContext,
  person: { name: string; email: string; role: string },
): Promise<BrowserContext> {
  const { name, email, role } = person;
  const invitations = `${house.url}/v1/identity/invitations`;
  const made = await send(inviting.request, 'POST', invitations, house, { email, role });
  const { token } = made as { token: string };
  const theirs = await browser.newContext();
  const password = OWNER.password;
  await send(theirs.request, 'POST', `${invitations}/accept`, house, { token, name, password });
  return theirs;
}

/** The owner once more, in a browser of its own. */
export async function signedIn(house: House, browser: Browser): Promise<BrowserContext> {
  const theirs = await browser.newContext();
  const { email, password } = OWNER;
  await send(theirs.request, 'POST', `${house.url}/v1/identity/sessions`, house, { email, password });
  return theirs;
}

export async function makePanel(
  house: House,
  context: BrowserContext,
  title: string,
  csv?: string,
): Promise<string> {
  const panels = `${house.url}/v1/panels`;
  const { id } = (await send(context.request, 'POST', panels, house, { title })) as { id: string };
  const imports = `${panels}/${id}/imports?mode=replace&file_name=f.csv`;
  if (csv !== undefined) await send(context.request, 'POST', imports, house, Buffer.from(csv));
  return id;
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
