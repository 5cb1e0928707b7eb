// One's own password: the page that changes it stays, however long the answer takes, and every other one goes to the sign-in.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { OWNER, setUp, signedIn } from '../lib/people';

test.describe.configure({ mode: 'serial' });

const NEXT = 'velvet-harbour-drum-58';

let house: House;
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext();
  await setUp(house, context);
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

test('the page stays while the answer with the new cookie is on its way; another device is sent out', async ({
  browser,
}) => {
  const elsewhere = await signedIn(house, browser);
  const phone = await elsewhere.newPage();
  await phone.goto(`${house.url}/panels`);
  await expect(phone.getByText('No panels yet')).toBeVisible();

  let sockets = 0;
  page.on('websocket', () => {
    sockets += 1;
  });
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  // The server has changed it, and the browser does not know yet: neither the answer nor its cookie has come.
  await page.route('**/v1/identity/password', async (route) => {
    const request = route.request();
    const cookies = await context.cookies(house.url);
    const answer = await fetch(request.url(), {
      method: request.method(),
      headers: {
        'content-type': 'application/json',
        cookie: cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
        origin: house.url,
      },
      body: request.postData(),
    });
    const body = await answer.text();
    await arrived;
    const [set = ''] = answer.headers.getSetCookie();
    const [name = '', value = ''] = (set.split(';', 1)[0] ?? '').split('=');
    await context.addCookies([{ name, value, url: house.url, httpOnly: true, sameSite: 'Lax' }]);
    await route.fulfill({ status: answer.status, contentType: 'application/json', body });
  });

  await page.goto(`${house.url}/settings/password`);
  const title = page.getByRole('heading', { name: 'Password', exact: true });
  await expect(title).toBeVisible();
  await expect.poll(() => sockets).toBeGreaterThan(0);
  const opened = sockets;
  const field = (name: string) => page.getByRole('textbox', { name, exact: true });
  await field('Current password').fill(OWNER.password);
  await field('New password').fill(NEXT);
  await field('New password again').fill(NEXT);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(phone.getByText('Your session was ended elsewhere')).toBeVisible();
  // The page's own socket was ended too, and tried again in vain: no reason to leave yet.
  await expect.poll(() => sockets).toBeGreaterThan(opened + 1);
  await expect(title).toBeVisible();
  arrive();
  await expect(page.getByText('Password changed')).toBeVisible();
  await expect(page).toHaveURL(/password/);
  await page.goto(`${house.url}/panels`);
  await expect(page.getByText('No panels yet')).toBeVisible();
  await elsewhere.close();
});

test('the old password opens nothing any more, the new one does', async ({ browser }) => {
  const device = await browser.newContext();
  const mine = await device.newPage();
  await mine.goto(`${house.url}/sign-in`);
  await mine.getByLabel('E-mail').fill(OWNER.email);
  await mine.getByRole('textbox', { name: 'Password' }).fill(OWNER.password);
  await mine.getByRole('button', { name: 'Sign in' }).click();
  await expect(mine.getByRole('alert')).toBeVisible();
  await mine.getByRole('textbox', { name: 'Password' }).fill(NEXT);
  await mine.getByRole('button', { name: 'Sign in' }).click();
  await expect(mine.getByText('No panels yet')).toBeVisible();
  await device.close();
});
