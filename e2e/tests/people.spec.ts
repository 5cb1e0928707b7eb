// Members as an owner looks after them: another role, out, and leaving by oneself; the other browser follows without a reload.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { COMPANY, join, makePanel, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

let house: House;
let context: BrowserContext;
let page: Page;
let bob: Page;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext();
  await setUp(house, context);
  await makePanel(house, context, 'Flights');
  const theirs = await join(house, browser, context, {
    name: 'Bob',
    email: 'bob@example.com',
    role: 'viewer',
  });
  page = await context.newPage();
  bob = await theirs.newPage();
});

test.afterAll(async () => {
  await bob?.context().close();
  await context?.close();
  await house?.stop();
});

const members = (at: Page) => at.getByRole('table', { name: 'Members' });

/** By the menu in the row of one, as the role it has now; the menu of another row may be closing still. */
async function choose(name: string, from: string, to: string): Promise<void> {
  const role = `Role of ${name}: ${from}`;
  await members(page).getByRole('button', { name: role }).click();
  const menu = page.getByRole('menu', { name: role });
  await menu.getByRole('menuitem', { name: new RegExp(`^${to}`) }).click();
}

async function change(name: string, from: string, to: string): Promise<void> {
  await choose(name, from, to);
  await expect(page.getByText(`${name} is ${to} now`)).toBeVisible();
  await expect(members(page).getByRole('button', { name: `Role of ${name}: ${to}` })).toBeVisible();
}

test('another role is chosen where the role stands; what it allows is allowed at once', async () => {
  await bob.goto(`${house.url}/panels`);
  const importing = bob.getByRole('button', { name: 'Import a file' });
  await expect(importing).toHaveAttribute('aria-disabled', 'true');
  await page.goto(`${house.url}/people/members`);
  await change('Bob', 'viewer', 'editor');
  await expect(importing).not.toHaveAttribute('aria-disabled');
  await importing.click();
  await expect(bob.getByText('Drop a file anywhere on this page')).toBeVisible();
  await change('Bob', 'editor', 'viewer');
  await expect(bob.getByText('Needs the role editor or above; you are viewer')).toBeVisible();
});

test('the last owner stays one, and is told so', async () => {
  await choose('Ada Lovelace', 'owner', 'admin');
  const refusal = page.getByRole('alert').filter({ hasText: 'identity.last_owner' });
  await expect(refusal).toBeVisible();
  await refusal.getByRole('button', { name: 'Close this message' }).click();
  await members(page).getByRole('button', { name: 'Actions for Ada Lovelace' }).click();
  await page.getByRole('menuitem', { name: 'Leave the company…' }).click();
  const question = page.getByRole('dialog', { name: `Leave ${COMPANY}?` });
  await question.getByRole('button', { name: 'Leave' }).click();
  await expect(question.getByRole('alert')).toContainText('identity.last_owner');
  await question.getByRole('button', { name: 'Keep' }).click();
  await expect(page.getByRole('button', { name: 'Role of Ada Lovelace: owner' })).toBeVisible();
});

test('a member is taken out after a question, and is out in the same moment', async () => {
  await bob.goto(`${house.url}/people/members`);
  await bob.getByRole('button', { name: 'Actions for Bob' }).click();
  // Who may take nobody out cannot leave either: it is said before it is tried.
  await expect(bob.getByRole('menuitem', { name: /^Leave the company/ })).toHaveAttribute(
    'aria-disabled',
    'true',
  );
  await bob.keyboard.press('Escape');
  await members(page).getByRole('button', { name: 'Actions for Bob' }).click();
  await page.getByRole('menuitem', { name: 'Remove…' }).click();
  const question = page.getByRole('dialog', { name: 'Remove Bob?' });
  await expect(question).toContainText('bob@example.com, viewer');
  await question.getByRole('button', { name: 'Keep' }).click();
  await expect(members(page)).toContainText('bob@example.com');
  await members(page).getByRole('button', { name: 'Actions for Bob' }).click();
  await page.getByRole('menuitem', { name: 'Remove…' }).click();
  await question.getByRole('button', { name: 'Remove' }).click();
  await expect(page.getByText('Bob was removed')).toBeVisible();
  await expect(members(page)).not.toContainText('bob@example.com');
  await expect(bob).toHaveURL(/\/sign-in/);
  await expect(bob.getByText('because you were removed from the company')).toBeVisible();
  expect((await bob.request.get(`${house.url}/v1/panels`)).status()).toBe(401);
});

test('an admin leaves by themselves', async ({ browser }) => {
  const theirs = await join(house, browser, context, {
    name: 'Cleo',
    email: 'cleo@example.com',
    role: 'admin',
  });
  const view = await theirs.newPage();
  await view.goto(`${house.url}/people/members`);
  await view.getByRole('button', { name: 'Actions for Cleo' }).click();
  await view.getByRole('menuitem', { name: 'Leave the company…' }).click();
  await view
    .getByRole('dialog', { name: `Leave ${COMPANY}?` })
    .getByRole('button', { name: 'Leave' })
    .click();
  await expect(view).toHaveURL(/\/sign-in/);
  await expect(members(page)).not.toContainText('cleo@example.com');
  await theirs.close();
});
