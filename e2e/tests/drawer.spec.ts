// Things in full beside their list: the drawer of a row, of a member, of a session; long lists; and nothing missed before the socket.
import { readFileSync } from 'node:fs';
import { type BrowserContext, expect, type Locator, type Page, test } from '@playwright/test';
import { House, needed } from '../lib/house';
import { OWNER, send, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

const ROWS = 3_000;
const PANELS = 130;
/** Made at a time. */
const TOGETHER = 13;

let house: House;
let context: BrowserContext;
let page: Page;
let panel: string;
let lines: string[];

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  await setUp(house, context);
  lines = readFileSync(needed('WHEELHOUSE_TEST_FLIGHTS'), 'utf8')
    .split('\n')
    .slice(0, ROWS + 1);
  panel = await create('Flights');
  await importRows(lines);
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

async function create(title: string): Promise<string> {
  return ((await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title })) as { id: string })
    .id;
}

async function importRows(of: readonly string[]): Promise<void> {
  const address = `${house.url}/v1/panels/${panel}/imports?mode=replace&file_name=f.csv`;
  await send(context.request, 'POST', address, house, Buffer.from(`${of.join('\n')}\n`));
}

const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
const drawer = (name: string): Locator => page.getByRole('complementary', { name, exact: true });
const focusedCell = () => page.locator('[data-cell]:focus');
const grid = () => page.getByRole('grid', { name: 'Flights' });

test('Enter opens the row in the drawer, keys lead on, Escape leads back to the cell', async () => {
  await page.goto(`${house.url}/panels/${panel}`);
  await page.locator('[data-cell="2:3"]').click();
  await page.keyboard.press('Enter');
  const row = drawer('Row');
  await expect(row.getByRole('heading')).toHaveText('Row 3 of 3,000');
  await expect(page).toHaveURL(/open=row/);
  await expect(page).toHaveURL(/row=3(&|$)/);
  await expect(row.getByRole('term')).toHaveCount(19);
  const fields = (lines[3] ?? '').split(',');
  await expect(row.getByRole('definition').nth(3)).toContainText(fields[3] ?? '?');
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('k');
  await expect(row.getByRole('heading')).toHaveText('Row 4 of 3,000');
  await expect(page).toHaveURL(/row=4(&|$)/);
  await page.keyboard.press('Escape');
  await expect(row).toHaveCount(0);
  await expect(focusedCell()).toHaveAttribute('data-cell', '3:3');
  await page.keyboard.press(' ');
  await expect(row.getByRole('heading')).toHaveText('Row 4 of 3,000');
  await page.goBack();
  await expect(row).toHaveCount(0);
});

test('a press on the number opens the row; its values and the whole are copied', async () => {
  await page.locator('[data-number="5"]').click();
  const row = drawer('Row');
  await expect(row.getByRole('heading')).toHaveText('Row 6 of 3,000');
  const fields = (lines[6] ?? '').split(',');
  await row.getByRole('definition').nth(9).hover();
  await row.getByRole('button', { name: 'Copy carrier' }).click();
  expect(await clipboard()).toBe(fields[9]);
  await row.getByRole('button', { name: 'Copy as' }).click();
  await page.getByRole('menuitem', { name: 'JSON' }).click();
  await expect.poll(clipboard).toContain('"dep_delay"');
  const copied = JSON.parse(await clipboard()) as Record<string, unknown>;
  expect(Object.keys(copied)).toHaveLength(19);
  expect(copied['carrier']).toBe(fields[9]);
  expect(copied['dep_time']).toBe(Number(fields[3]));
  await row.getByRole('button', { name: 'Copy as' }).click();
  await page.getByRole('menuitem', { name: 'curl' }).click();
  await expect.poll(clipboard).toContain('offset=5&limit=1');
  await row.getByRole('button', { name: 'Copy as' }).click();
  await page.getByRole('menuitem', { name: 'CLI' }).click();
  await expect.poll(clipboard).toBe(`wheelhouse row list --panel ${panel} --offset 5 --limit 1`);
});

test('a link opens the same row, and an import changes it in place', async () => {
  await page.goto(`${house.url}/panels/${panel}?row=6&open=row`);
  const row = drawer('Row');
  await expect(row.getByRole('heading')).toHaveText('Row 6 of 3,000');
  const changed = lines.map((line, index) => (index === 6 ? line.replace(/,[A-Z][A-Z0-9],/, ',ZZ,') : line));
  await importRows(changed);
  await expect(row.getByRole('definition').nth(9)).toContainText('ZZ');
  await expect(row.getByRole('heading')).toHaveText('Row 6 of 3,000');
  await importRows(lines);
  await expect(row.getByRole('definition').nth(9)).not.toContainText('ZZ');
});

test('the drawer is widened by keyboard and keeps its width', async () => {
  const edge = page.getByRole('separator', { name: 'Width of the drawer' });
  const before = Number(await edge.getAttribute('aria-valuenow'));
  await edge.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(edge).toHaveAttribute('aria-valuenow', String(before + 24));
  await page.reload();
  await expect(edge).toHaveAttribute('aria-valuenow', String(before + 24));
});

test('what is not applied is said: a value that does not fit, a column that is not there', async () => {
  await page.goto(`${house.url}/panels/${panel}?filter=year.eq(abc),month.eq(1)&sort=nosuch`);
  await expect(page.getByRole('alert')).toContainText('cannot be shown');
  await expect(page.getByText('not applied: not a whole number')).toBeVisible();
  await expect(page.getByText('not applied: there is no column nosuch')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Filter/ })).toHaveText('Filter1');
  await page.getByRole('button', { name: 'Remove the sort Sort by nosuch' }).click();
  await page.getByRole('button', { name: 'Remove the filter year is abc' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('members and sessions open in the drawer, by pointer and by keyboard', async () => {
  await page.goto(`${house.url}/people/members`);
  await expect(page.getByRole('table', { name: 'Members' })).toContainText(OWNER.email);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(drawer('Member').getByRole('heading')).toHaveText(OWNER.name);
  await expect(page).toHaveURL(/member=/);
  await page.keyboard.press('Escape');
  await expect(drawer('Member')).toHaveCount(0);
  await expect(page.locator('tr:focus')).toContainText(OWNER.email);
  await page.getByRole('button', { name: 'Copy as' }).click();
  await page.getByRole('menuitem', { name: 'curl' }).click();
  await expect.poll(clipboard).toContain('/v1/identity/members');
  await page.getByRole('button', { name: 'Copy as' }).click();
  await page.getByRole('menuitem', { name: 'CLI' }).click();
  await expect.poll(clipboard).toBe('wheelhouse member list');

  await page.goto(`${house.url}/settings/sessions`);
  await page.getByRole('table', { name: 'Sessions' }).getByText('This one').click();
  await expect(drawer('Session').getByRole('definition').first()).toHaveText('This one');
  const address = page.url();
  await page.goto(`${house.url}/panels`);
  await page.goto(address);
  await expect(drawer('Session').getByRole('definition').first()).toHaveText('This one');
});

test('a long list draws what is in sight, and is walked to its end', async () => {
  const titles = Array.from({ length: PANELS }, (_, i) => `Panel ${String(i).padStart(3, '0')}`);
  for (let i = 0; i < PANELS; i += TOGETHER) await Promise.all(titles.slice(i, i + TOGETHER).map(create));
  await page.goto(`${house.url}/panels`);
  const table = page.getByRole('table', { name: 'Panels' });
  await expect(table).toContainText('Panel 005');
  expect(await table.locator('tbody tr').count()).toBeLessThan(60);
  await page.keyboard.press('j');
  for (let i = 0; i < 40; i += 1) await page.keyboard.press('ArrowDown');
  await expect(page.locator('tr:focus')).toHaveAttribute('data-index', '40');
  await page.keyboard.press('End');
  await expect(table).toHaveAttribute('aria-rowcount', String(PANELS + 2));
  await page.keyboard.press('End');
  await expect(page.locator('tr:focus')).toContainText('Panel 129');
  expect(await table.locator('tbody tr').count()).toBeLessThan(60);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Panel 129' })).toBeVisible();
});

test('a list whose next page fails says so and asks again only when it is told to', async () => {
  let asked = 0;
  const next = /\/v1\/panels\?.*cursor=/;
  await page.route(next, (route) => {
    asked += 1;
    return route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: '{"code":"server.fault","title":"a fault"}',
    });
  });
  await page.goto(`${house.url}/panels`);
  const table = page.getByRole('table', { name: 'Panels' });
  await expect(table).toContainText('Panel 005');
  const more = page.getByRole('button', { name: 'Load more' });
  await more.click();
  await expect(page.getByRole('alert')).toContainText('server.fault');
  await expect(more).toBeEnabled();
  // While others are asked and answered, this one is not asked again.
  const before = asked;
  await page.evaluate(async () => {
    for (let i = 0; i < 10; i += 1) await fetch('/v1/panels?limit=1');
  });
  expect(asked).toBe(before);
  await page.unroute(next);
  await more.click();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(table).toHaveAttribute('aria-rowcount', String(PANELS + 2));
});

test('what changed before the socket was there is shown once it is', async () => {
  const late = await context.newPage();
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  await late.routeWebSocket(/\/v1\/live/, async (socket) => {
    await gate;
    socket.connectToServer();
  });
  await late.goto(`${house.url}/panels/${panel}`);
  await expect(late.getByText('3,000 rows', { exact: true })).toBeVisible();
  // Whatever is still asked for would be answered with what comes now, and the page would know without its socket.
  await late.waitForLoadState('networkidle');
  await importRows(lines.slice(0, 101));
  await expect(late.getByText('3,000 rows', { exact: true })).toBeVisible();
  open();
  await expect(late.getByText('100 rows', { exact: true })).toBeVisible();
  await late.close();
  await page.goto(`${house.url}/panels/${panel}`);
  await expect(grid()).toHaveAttribute('aria-rowcount', '101');
});
