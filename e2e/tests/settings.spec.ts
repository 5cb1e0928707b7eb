// What is one's own: the sessions, ended one by one or all others at once; the password; the theme.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { OWNER, setUp, signedIn } from '../lib/people';

test.describe.configure({ mode: 'serial' });

const CHANGED = 'thimble-comet-harbour-92';

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

const list = () => page.getByRole('table', { name: 'Sessions' });
const own = () => list().getByRole('row').filter({ hasText: 'This one' });
const others = () => list().locator('tbody tr').filter({ hasNotText: 'This one' });
const ended = (at: Page) => at.getByText('Your session was ended elsewhere');

test('a session that is one’s own is ended from another browser, and that one says so', async ({
  browser,
}) => {
  const theirs = await signedIn(house, browser);
  const other = await theirs.newPage();
  await other.goto(`${house.url}/settings/password`);
  await expect(other.getByRole('heading', { name: 'Password' })).toBeVisible();
  await page.goto(`${house.url}/settings/sessions`);
  await expect(others()).toHaveCount(1);
  // The one in use is not ended here, and the button says what to do instead.
  const mine = own().getByRole('button', { name: 'End' });
  await expect(mine).toHaveAttribute('aria-disabled', 'true');
  await mine.hover();
  await expect(page.getByRole('tooltip')).toContainText('Sign out in the menu above instead');
  await others().getByRole('button', { name: 'End' }).click();
  await expect(others()).toHaveCount(0);
  await expect(own()).toHaveCount(1);
  await expect(ended(other)).toBeVisible();
  await theirs.close();
});

test('all others are ended at once, after a question that counts them', async ({ browser }) => {
  const all = page.getByRole('button', { name: 'End all others' });
  await expect(all).toHaveAttribute('aria-disabled', 'true');
  const theirs = [await signedIn(house, browser), await signedIn(house, browser)];
  const views = await Promise.all(theirs.map((one) => one.newPage()));
  for (const view of views) await view.goto(`${house.url}/settings/password`);
  await page.reload();
  await expect(others()).toHaveCount(2);
  await all.click();
  const question = page.getByRole('dialog', { name: 'End all other sessions?' });
  await expect(question).toContainText('2 other browsers');
  await question.getByRole('button', { name: 'End 2 sessions' }).click();
  await expect(question).toHaveCount(0);
  await expect(others()).toHaveCount(0);
  for (const view of views) await expect(ended(view)).toBeVisible();
  for (const one of theirs) await one.close();
});

test('the password is changed: the old one is asked for, and is worth nothing afterwards', async ({
  browser,
}) => {
  await page.getByRole('button', { name: /User menu/ }).click();
  await page.getByRole('menuitem', { name: 'Password' }).click();
  const field = (name: string) => page.getByRole('textbox', { name, exact: true });
  const change = page.getByRole('button', { name: 'Change password' });
  await field('Current password').fill('not the right one');
  await field('New password').fill(CHANGED);
  await field('New password again').fill('something else');
  await change.click();
  await expect(page.getByText('Not the same as the new password')).toBeVisible();
  await field('New password again').fill(CHANGED);
  await change.click();
  // What was typed is not lost over what was wrong.
  await expect(page.getByText('Is not the password of the account')).toBeVisible();
  await expect(field('New password')).toHaveValue(CHANGED);
  await field('Current password').fill(OWNER.password);
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('Password changed')).toBeVisible();
  await expect(field('Current password')).toHaveValue('');
  await expect(page).toHaveURL(`${house.url}/settings/password`);

  const anew = await (await browser.newContext()).newPage();
  await anew.goto(`${house.url}/sign-in`);
  await anew.getByLabel('E-mail').fill(OWNER.email);
  for (const password of [OWNER.password, CHANGED]) {
    await anew.getByRole('textbox', { name: 'Password' }).fill(password);
    await anew.getByRole('button', { name: 'Sign in' }).click();
    if (password === OWNER.password) await expect(anew.getByRole('alert')).toBeVisible();
  }
  await expect(anew.getByText('No panels yet')).toBeVisible();
  await anew.context().close();
});

test('the theme is chosen in the user menu and kept; as the system it follows the system', async () => {
  const menu = page.getByRole('button', { name: /User menu/ });
  const shown = (theme: 'light' | 'dark') =>
    expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', theme);
  const choose = async (theme: string) => {
    await menu.click();
    await page.getByRole('menuitem', { name: new RegExp(`^${theme}`) }).click();
    await expect(page.getByRole('menu')).toHaveCount(0);
  };
  await page.emulateMedia({ colorScheme: 'light' });
  await choose('Dark');
  await shown('dark');
  await page.reload();
  await shown('dark');
  await choose('As the system');
  await shown('light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shown('dark');
  await choose('Light');
  await shown('light');
  await menu.click();
  const light = page.getByRole('menuitem', { name: /^Light/ });
  await expect(light.getByLabel('chosen')).toBeVisible();
});
