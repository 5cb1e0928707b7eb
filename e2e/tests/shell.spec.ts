// The frame around the pages: help, what the palette leads to, where the focus goes when a dialog closes, nothing cut at 360 px.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { send, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

let house: House;
let context: BrowserContext;
let page: Page;
const VIEWER = { name: 'Vic', password: 'granite-otter-lantern-48' };

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext({ reducedMotion: 'reduce' });
  await setUp(house, context);
  for (const title of ['Flights', 'Airports'])
    await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title });
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

const palette = (at: Page = page) => at.getByRole('dialog', { name: 'Command palette' });

test('the palette leads to every page of the navigation, and to the manual', async () => {
  await page.goto(`${house.url}/panels`);
  const links = page.getByRole('navigation', { name: 'Main' }).getByRole('link');
  await expect(links.filter({ hasText: 'Installation' })).toBeVisible();
  const names = await links.allTextContents();
  await page.keyboard.press('Control+k');
  const pages = palette().getByRole('group', { name: 'Go to' }).getByRole('option');
  for (const name of [...names, 'Import a file', 'Manual'])
    await expect(pages.filter({ hasText: name })).toHaveCount(1);
  await page.keyboard.type('admin');
  await expect(palette().getByRole('option', { selected: true })).toContainText('Installation');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${house.url}/admin`);
  await expect(page.getByRole('navigation', { name: 'Breadcrumbs' })).toHaveText('SettingsInstallation');
  await page.keyboard.press('g');
  await page.keyboard.press('m');
  await expect(page).toHaveURL(`${house.url}/people/members`);
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await expect(page).toHaveURL(`${house.url}/admin`);
});

test('a viewer is led only where they may go', async ({ browser }) => {
  const invitation = { email: 'vic@example.com', role: 'viewer' };
  const { token } = (await send(
    context.request,
    'POST',
    `${house.url}/v1/identity/invitations`,
    house,
    invitation,
  )) as {
    token: string;
  };
  const theirs = await browser.newContext();
  await send(theirs.request, 'POST', `${house.url}/v1/identity/invitations/accept`, house, {
    token,
    ...VIEWER,
  });
  const view = await theirs.newPage();
  await view.goto(`${house.url}/panels`);
  await expect(view.getByRole('table', { name: 'Panels' })).toContainText('Flights');
  await view.keyboard.press('Control+k');
  const pages = palette(view).getByRole('group', { name: 'Go to' }).getByRole('option');
  await expect(pages.filter({ hasText: 'Sessions' })).toHaveCount(1);
  await expect(pages.filter({ hasText: 'Installation' })).toHaveCount(0);
  await expect(pages.filter({ hasText: 'Import a file' })).toHaveCount(0);
  await view.keyboard.press('Escape');
  await view.keyboard.press('?');
  const keys = view.getByRole('dialog', { name: 'Shortcuts' });
  await expect(keys).toContainText('Go to sessions');
  await expect(keys).not.toContainText('Go to the installation');
  await theirs.close();
});

test('help holds the manual and the shortcuts', async () => {
  await page.goto(`${house.url}/panels`);
  await page.getByRole('button', { name: 'Help' }).click();
  const opening = context.waitForEvent('page');
  await page.getByRole('menuitem', { name: 'Manual' }).click();
  const manual = await opening;
  await expect(manual).toHaveURL(/\/docs/);
  await expect(manual.getByRole('heading').first()).toBeVisible();
  await manual.close();
  await page.getByRole('button', { name: 'Help' }).click();
  await page.getByRole('menuitem', { name: 'Shortcuts' }).click();
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toContainText('Search or run anything');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Help' })).toBeFocused();
});

test('a closed dialog gives the focus back: to its button, to the menu it came from, to the row', async () => {
  await page.goto(`${house.url}/people/members`);
  await expect(page.getByRole('table', { name: 'Members' })).toContainText('Ada');
  const invite = page.getByRole('button', { name: 'Invite', exact: true });
  await invite.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Invite someone' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(invite).toBeFocused();

  await page.goto(`${house.url}/panels`);
  const actions = page.getByRole('button', { name: 'Actions for Flights' });
  for (const [item, dialog] of [
    ['Rename', 'Rename'],
    ['Delete', 'Delete'],
    ['Past imports', 'Imports of'],
  ] as const) {
    await actions.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: item }).focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('dialog', { name: dialog })).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expect(actions).toBeFocused();
  }

  await page.keyboard.press('j');
  const row = page.locator('tr:focus');
  await expect(row).toHaveCount(1);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(row).toHaveCount(1);
});

test('a search that found nothing is emptied without losing the field or what is typed on', async () => {
  await page.goto(`${house.url}/panels?q=zzz`);
  await expect(page.getByText('No panel is called “zzz”')).toBeVisible();
  let answer: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route(/\/v1\/panels\?limit=\d+$/, async (route) => {
    await gate;
    await route.continue();
  });
  const field = page.getByRole('textbox', { name: 'Search the panels' });
  await field.fill('');
  await expect(page).toHaveURL(`${house.url}/panels`);
  await expect(field).toBeFocused();
  await expect(page.getByText('No panels yet')).toHaveCount(0);
  await page.keyboard.type('Fli');
  answer();
  await expect(page.getByRole('table', { name: 'Panels' })).toContainText('Flights');
  await expect(field).toHaveValue('Fli');
  await page.unrouteAll({ behavior: 'wait' });
});

test('a sign-out that fails says so, and the page goes on being live', async () => {
  await page.goto(`${house.url}/panels`);
  await expect(page.getByRole('table', { name: 'Panels' })).toContainText('Flights');
  const session = '**/v1/identity/session';
  await page.route(session, (route) => route.abort());
  await page.getByRole('button', { name: /User menu/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  const message = page.getByRole('alert').filter({ hasText: 'web.away' });
  await expect(message).toContainText('Check that the server runs');
  await expect(message.getByRole('button', { name: 'Copy code and request id' })).toBeVisible();
  await page.unroute(session);
  await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title: 'Carriers' });
  await expect(page.getByRole('table', { name: 'Panels' })).toContainText('Carriers');
});

test('keys that are pressed again send nothing again', async () => {
  await page.goto(`${house.url}/people/members`);
  let send: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    send = resolve;
  });
  let sent = 0;
  await page.route('**/v1/identity/invitations', async (route) => {
    sent += 1;
    await gate;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByLabel('E-mail').fill('twice@example.com');
  for (let i = 0; i < 2; i += 1) await page.keyboard.press('Control+Enter');
  // What comes back is shown once: no key closes its dialog before.
  await page.keyboard.press('Escape');
  send();
  // It is shown once: it has the focus, and no key closes it by mistake.
  const link = page.getByLabel('Invitation link');
  await expect(link).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(link).toBeVisible();
  expect(sent).toBe(1);
  await page.unrouteAll({ behavior: 'wait' });
});

test('at 360 px the tag of a session is whole', async ({ browser }) => {
  const narrow = await browser.newContext({
    storageState: await context.storageState(),
    viewport: { width: 360, height: 800 },
  });
  const phone = await narrow.newPage();
  await phone.goto(`${house.url}/settings/sessions`);
  const tag = phone.getByRole('table', { name: 'Sessions' }).getByText('This one');
  await expect(tag).toBeVisible();
  const cut = await tag.evaluate((element) => {
    const inner = element.getBoundingClientRect();
    for (let at = element.parentElement; at; at = at.parentElement) {
      const outer = at.getBoundingClientRect();
      const hides = getComputedStyle(at).overflowX !== 'visible';
      const beside = inner.right > outer.right + 0.5 || inner.left < outer.left - 0.5;
      const below = inner.bottom > outer.bottom + 0.5 || inner.top < outer.top - 0.5;
      if (hides && (beside || below)) return at.className;
    }
    return null;
  });
  expect(cut).toBeNull();
  expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  await narrow.close();
});
