// What went wrong stays in sight, says what is known of the change, and takes nothing away that was typed.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { forAxe, objections, WIDTHS } from '../lib/axe';
import { House } from '../lib/house';
import { send, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

const INVITED = ['ann', 'ben', 'cora', 'dora'];
const ONE_INVITATION = /\/v1\/identity\/invitations\/[^/]+$/;

let house: House;
let context: BrowserContext;
let page: Page;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext({ reducedMotion: 'reduce' });
  await setUp(house, context);
  for (const name of INVITED) {
    const invitation = { email: `${name}@example.com`, role: 'viewer' };
    await send(context.request, 'POST', `${house.url}/v1/identity/invitations`, house, invitation);
  }
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

test.beforeEach(async () => {
  page = await context.newPage();
});

test.afterEach(async () => {
  await page.close();
});

const problem = (status: number, code: string, detail: string, headers: Record<string, string> = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ code, title: 'it failed', detail }),
});

const said = (words: string) => page.getByRole('alert').filter({ hasText: words });

test('what failed stays until it is dismissed or asked for again, and no more than three are in sight', async () => {
  await page.clock.install();
  let failed = 0;
  await page.route(ONE_INVITATION, (route) => {
    failed += 1;
    return route.fulfill(problem(500, 'base.internal', `failure ${failed}`));
  });
  await page.goto(`${house.url}/people/members`);
  const rows = page.getByRole('table', { name: 'Pending invitations' }).getByRole('row');
  // By keyboard: where the messages lie, the pointer meets them.
  const revoke = (name: string) =>
    rows.filter({ hasText: `${name}@` }).getByRole('button', { name: 'Revoke' });
  await revoke('ann').press('Enter');
  await expect(said('Failure 1')).toContainText('not known whether the change was made');
  await page.clock.fastForward('10:00');
  await expect(said('Failure 1')).toBeVisible();
  // The same again: what it said before says nothing any more.
  await revoke('ann').press('Enter');
  await expect(said('Failure 2')).toBeVisible();
  await expect(said('Failure 1')).toHaveCount(0);
  for (const [at, name] of ['ben', 'cora', 'dora'].entries()) {
    await revoke(name).press('Enter');
    await expect(said(`Failure ${at + 3}`)).toBeVisible();
  }
  await expect(page.getByRole('alert')).toHaveCount(3);
  await expect(said('Failure 2')).toHaveCount(0);
  await said('Failure 5').getByRole('button', { name: 'Close this message' }).click();
  await expect(said('Failure 5')).toHaveCount(0);
  await expect(said('Failure 2')).toBeVisible();
  await page.unroute(ONE_INVITATION);
  await revoke('ann').press('Enter');
  await expect(said('Failure 2')).toHaveCount(0);
  await expect(rows.filter({ hasText: 'ann@' })).toHaveCount(0);
  await expect(page.getByRole('alert')).toHaveCount(2);
});

test('what was done goes by itself, but not while the focus is in it', async () => {
  await page.clock.install();
  await page.goto(`${house.url}/admin`);
  await page.getByRole('button', { name: 'Log level' }).click();
  const level = page.getByRole('menuitem', { name: 'warn' });
  await expect(level).toBeVisible();
  await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 60_000);
  await level.press('Enter');
  await expect(said('The log writes warn now')).toBeVisible();
  // The menu has closed and given the focus back.
  await page.clock.runFor(1_000);
  const cross = said('The log writes warn now').getByRole('button', { name: 'Close this message' });
  await cross.focus();
  await page.clock.fastForward(60_000);
  await expect(cross).toBeFocused();
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Members' }).focus();
  await page.clock.runFor(10_000);
  await expect(said('The log writes warn now')).toHaveCount(0);
  // The clock is the whole context's: the next pages would stand still too.
  await page.clock.resume();
});

test('that nothing was changed is said where it is known, and that it is not known where it is not', async () => {
  const all = '**/v1/identity/invitations';
  await page.goto(`${house.url}/people/members`);
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Invite someone' });
  await dialog.getByLabel('E-mail').fill('eve@example.com');
  const make = dialog.getByRole('button', { name: 'Make the link' });
  await page.route(all, (route) =>
    route.fulfill(problem(503, 'server.overloaded', 'too much', { 'retry-after': '3' })),
  );
  await make.click();
  await expect(dialog.getByRole('alert')).toContainText('Nothing was changed. Try again in 3 s.');
  await page.unroute(all);
  await page.route(all, (route) =>
    route.fulfill(problem(503, 'db.away', 'in the commit', { 'retry-after': '1' })),
  );
  await make.click();
  await expect(dialog.getByRole('alert')).toContainText(
    'not known whether the change was made: look at the page again',
  );
  await expect(dialog.getByRole('alert')).not.toContainText('Nothing was changed');
  await page.unroute(all);
  await page.route(all, (route) => route.abort());
  await make.click();
  await expect(dialog.getByRole('alert')).toContainText('web.away');
  await expect(dialog.getByRole('alert')).toContainText(
    'not known whether the change was made: look at the page again',
  );
  await page.unroute(all);
});

/** Where no dialog is. */
const pressBeside = () => page.mouse.click(10, 600);
const question = () => page.getByRole('alertdialog', { name: 'Discard what you typed?' });

test('a press beside a half-filled dialog takes nothing away, and Esc asks first', async () => {
  await page.goto(`${house.url}/people/members`);
  const invite = page.getByRole('button', { name: 'Invite', exact: true });
  const dialog = page.getByRole('dialog', { name: 'Invite someone' });
  const email = dialog.getByLabel('E-mail');
  await invite.click();
  await expect(email).toBeFocused();
  await pressBeside();
  await expect(dialog).toHaveCount(0);
  await invite.click();
  await email.fill('eve@example.com');
  await pressBeside();
  await expect(email).toHaveValue('eve@example.com');
  await email.focus();
  await page.keyboard.press('Escape');
  await expect(question().getByRole('button', { name: 'Keep editing' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(question()).toHaveCount(0);
  await expect(email).toBeFocused();
  await expect(email).toHaveValue('eve@example.com');
  // What was taken back by hand is nothing to ask about.
  await email.fill('');
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  await invite.click();
  await email.fill('eve@example.com');
  await dialog.getByRole('button', { name: 'Close', exact: true }).click();
  await expect(question()).toBeVisible();
  await question().getByRole('button', { name: 'Discard' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(invite).toBeFocused();
});

test('a form that is opened from a menu holds what was typed too; its Cancel closes at once', async () => {
  await page.goto(`${house.url}/panels`);
  await page.getByRole('button', { name: /^Company: / }).click();
  await page.getByRole('menuitem', { name: 'New company' }).click();
  const company = page.getByRole('dialog', { name: 'New company' });
  await company.getByLabel('Name').fill('Half a name');
  await pressBeside();
  await expect(company.getByLabel('Name')).toHaveValue('Half a name');
  await company.getByLabel('Name').focus();
  await page.keyboard.press('Escape');
  await expect(question()).toBeVisible();
  await company.getByRole('button', { name: 'Cancel' }).click();
  await expect(company).toHaveCount(0);
});

test('a half-typed name of what is to be deleted stays too, and Esc leads out of danger at once', async () => {
  const account = { name: 'deploy', role: 'viewer' };
  await send(context.request, 'POST', `${house.url}/v1/identity/service-accounts`, house, account);
  await page.goto(`${house.url}/settings/api-keys`);
  await page.getByRole('button', { name: 'Actions for deploy' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  const name = page.getByRole('textbox', { name: 'Type deploy to confirm' });
  await name.fill('dep');
  await pressBeside();
  await expect(name).toHaveValue('dep');
  await name.focus();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

for (const size of WIDTHS) {
  test(`${size[0]} px: axe has nothing to object to in messages and questions, in both themes`, async ({
    browser,
  }) => {
    const own = await browser.newContext({ ...forAxe(size), storageState: await context.storageState() });
    const at = await own.newPage();
    await at.route(ONE_INVITATION, (route) => route.fulfill(problem(500, 'base.internal', 'a failure')));
    await at.goto(`${house.url}/people/members`);
    await at.getByRole('button', { name: 'Revoke' }).first().press('Enter');
    await expect(at.getByRole('alert')).toContainText('A failure');
    const found = await objections(at, 'failure');
    await at.getByRole('button', { name: 'Invite', exact: true }).press('Enter');
    await at.getByLabel('E-mail').fill('eve@example.com');
    await at.keyboard.press('Escape');
    await expect(at.getByRole('alertdialog')).toBeVisible();
    found.push(...(await objections(at, 'discard')));
    await own.close();
    expect(found).toEqual([]);
  });
}
