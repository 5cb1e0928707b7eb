// The house as its first person finds it: the form with the token, what it objects to, and the list without panels. axe and both widths.
import { expect, type Page, test } from '@playwright/test';
import { forAxe, objections, spills, WIDTHS } from '../lib/axe';
import { House } from '../lib/house';
import { setUp, signedIn } from '../lib/people';

test.describe.configure({ mode: 'serial' });

let house: House;

test.beforeAll(async () => {
  house = await House.start();
});

test.afterAll(async () => {
  await house?.stop();
});

async function look(page: Page, name: string): Promise<void> {
  await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
  expect([...(await spills(page, name)), ...(await objections(page, name))]).toEqual([]);
}

test('before it is set up: the form, its objections, and an address without the token', async ({
  browser,
}) => {
  for (const size of WIDTHS) {
    const context = await browser.newContext(forAxe(size));
    const page = await context.newPage();
    await page.goto(house.printed);
    await expect(page.getByLabel('Company')).toBeFocused();
    await look(page, 'setup');
    await page.getByRole('textbox', { name: 'Password' }).fill('short');
    await page.getByRole('button', { name: 'Create company' }).click();
    await expect(page.getByText('The name of the company is missing')).toBeVisible();
    await expect(page.getByText('At least 12 characters')).toBeVisible();
    await look(page, 'setup, refused');
    await page.goto('about:blank');
    await page.goto(`${house.url}/panels`);
    await expect(page).toHaveURL(`${house.url}/setup`);
    await expect(page.getByRole('heading', { name: 'Not set up yet' })).toBeVisible();
    await look(page, 'setup, without the link');
    await context.close();
  }
});

test('set up, and no panel yet: the first step is there to be done', async ({ browser }) => {
  const first = await browser.newContext();
  await setUp(house, first);
  await first.close();
  const session = await signedIn(house, browser);
  const storageState = await session.storageState();
  await session.close();
  for (const size of WIDTHS) {
    const context = await browser.newContext({ ...forAxe(size), storageState });
    const page = await context.newPage();
    await page.goto(house.url);
    await expect(page.getByText('No panels yet')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Choose a file' })).toBeVisible();
    await look(page, 'panels, none yet');
    await context.close();
  }
});
