// The job that runs through the whole house: set up, import, look, invite; the other browser sees a new import by itself.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { type Figures, figures } from '../lib/figures';
import { House, needed } from '../lib/house';
import { COMPANY, OWNER } from '../lib/people';

test.describe.configure({ mode: 'serial' });

let house: House;
let flights: Figures;
let owner: Page;
let viewer: Page;
let invitation: string;
/** Everything a browser complained about: refused scripts and styles, broken requests, exceptions. */
const complaints: string[] = [];

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  flights = figures();
  owner = await page(browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] }));
  viewer = await page(browser.newContext());
});

test.afterAll(async () => {
  await owner?.context().close();
  await viewer?.context().close();
  await house?.stop();
});

async function page(context: ReturnType<import('@playwright/test').Browser['newContext']>): Promise<Page> {
  const made = await (await context).newPage();
  made.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  made.on('console', (message) => {
    const expected = /status of (401|403|404)/.test(message.text());
    if (message.type() === 'error' && !expected) complaints.push(message.text());
  });
  return made;
}

const number = (n: number) => n.toLocaleString('en-US');
const cell = (at: Page, row: number, column: number): Locator => at.locator(`[data-cell="${row}:${column}"]`);

/** Where a column stands, from 0. */
async function place(at: Page, column: string): Promise<number> {
  const head = at.getByRole('columnheader', { name: new RegExp(`^${column}`) }).first();
  return Number(await head.getAttribute('aria-colindex')) - 2;
}

/** Chooses an option of a select by its label, within a part of the page. */
async function choose(within: Page | Locator, label: string, option: string): Promise<void> {
  await within.locator(`input[aria-label="${label}"]`).click();
  await owner.getByRole('option', { name: option, exact: true }).click();
}

test('the printed link sets up the first company', async () => {
  await owner.goto(house.printed);
  await owner.getByLabel('Company').fill(COMPANY);
  await owner.getByLabel('Your name').fill(OWNER.name);
  await owner.getByLabel('E-mail').fill(OWNER.email);
  await owner.getByRole('textbox', { name: 'Password' }).fill('short');
  await owner.getByRole('button', { name: 'Create company' }).click();
  await expect(owner.getByText('At least 12 characters')).toBeVisible();
  await owner.getByRole('textbox', { name: 'Password' }).fill(OWNER.password);
  await owner.keyboard.press('Control+Enter');
  await expect(owner.getByText('No panels yet')).toBeVisible();
  await expect(owner).toHaveURL(`${house.url}/panels`);
});

test('a file is read as it should be, shown, and becomes a panel with all its rows', async () => {
  await owner.getByRole('button', { name: 'Choose a file' }).click();
  await owner.locator('input[type=file]').setInputFiles(needed('WHEELHOUSE_TEST_FLIGHTS'));
  await expect(owner.getByRole('region', { name: 'The first rows' })).toBeVisible();
  await expect(owner.getByRole('textbox', { name: 'Name of the column dep_delay' })).toHaveValue('dep_delay');
  await owner.getByLabel('Title of the panel').fill('Flights');
  await owner.getByRole('button', { name: 'Create panel and import' }).click();
  await expect(owner.getByText(`${number(flights.rows)} rows imported into Flights`)).toBeVisible({
    timeout: 120_000,
  });
  await owner.getByRole('link', { name: 'Open the panel' }).click();
  await expect(owner.getByRole('grid', { name: 'Flights' })).toHaveAttribute(
    'aria-rowcount',
    String(flights.rows + 1),
  );
  await expect(owner.getByText(`${number(flights.rows)} rows`, { exact: true })).toBeVisible();
  await expect(cell(owner, 0, await place(owner, 'carrier'))).toHaveText('UA');
});

test('a nested filter counts exactly what an independent engine counts', async () => {
  await owner.getByRole('button', { name: 'Filter', exact: true }).click();
  await choose(owner, 'Condition 1: column', 'month');
  await choose(owner, 'Condition 1: operator', 'between');
  await owner.getByLabel('Condition 1: from').fill('6');
  await owner.getByLabel('Condition 1: to').fill('8');
  await owner.getByRole('button', { name: 'Group' }).click();
  const group = owner.getByRole('group', { name: 'Group 2' });
  await choose(group, 'Condition 1: column', 'origin');
  await choose(group, 'Condition 1: operator', 'is');
  await group.getByLabel('Condition 1: value').fill('JFK');
  await group.getByRole('button', { name: 'Condition', exact: true }).click();
  await choose(group, 'Condition 2: column', 'dep_delay');
  await choose(group, 'Condition 2: operator', '>');
  await group.getByLabel('Condition 2: value').fill('30');
  await owner.keyboard.press('Escape');
  await expect(owner.getByText(`${number(flights.summer)} of ${number(flights.rows)} rows`)).toBeVisible();
});

test('sorting by two columns shows the rows in the order of the independent engine', async () => {
  await owner.getByRole('columnheader', { name: /^dep_delay/ }).click();
  await expect(owner).toHaveURL(/sort=dep_delay/);
  await owner.getByRole('columnheader', { name: /^dep_delay/ }).click();
  await expect(owner).toHaveURL(/sort=-dep_delay/);
  await owner.getByRole('columnheader', { name: /^carrier/ }).click({ modifiers: ['Shift'] });
  await expect(owner).toHaveURL(/sort=-dep_delay,carrier/);
  const [delay, carrier, flight] = [
    await place(owner, 'dep_delay'),
    await place(owner, 'carrier'),
    await place(owner, 'flight'),
  ];
  for (const [row, expected] of flights.summer_latest.entries()) {
    await expect(cell(owner, row, delay)).toHaveText(expected[0] ?? '');
    await expect(cell(owner, row, carrier)).toHaveText(expected[1] ?? '');
    await expect(cell(owner, row, flight)).toHaveText(expected[2] ?? '');
  }
});

test('the address is the view: it survives a reload, back leads back', async () => {
  const address = owner.url();
  expect(decodeURIComponent(address)).toContain(
    'filter=month.between(6,8),any(origin.eq(JFK),dep_delay.gt(30))',
  );
  await owner.reload();
  await expect(owner.getByText(`${number(flights.summer)} of ${number(flights.rows)} rows`)).toBeVisible();
  await owner.getByRole('button', { name: 'Clear', exact: true }).click();
  await expect(owner.getByText(`${number(flights.rows)} rows`, { exact: true })).toBeVisible();
  await owner.goBack();
  await expect(owner.getByText(`${number(flights.summer)} of ${number(flights.rows)} rows`)).toBeVisible();
  await owner.getByRole('button', { name: 'Clear', exact: true }).click();
});

test('the search finds text in any column, by keyboard', async () => {
  await owner.getByRole('grid').getByRole('gridcell').first().click();
  await owner.keyboard.press('/');
  await owner.keyboard.type('n14228');
  await expect(owner.getByText(`${number(flights.tail)} of ${number(flights.rows)} rows`)).toBeVisible();
  await owner.keyboard.press('Escape');
  await expect(owner.getByText(`${number(flights.rows)} rows`, { exact: true })).toBeVisible();
});

test('the grid is walked and copied by keyboard alone', async () => {
  await owner.goto(
    new URL(owner.url()).pathname === '/' ? house.url : (owner.url().split('?')[0] ?? house.url),
  );
  await cell(owner, 0, 0).click();
  await owner.keyboard.press('Control+End');
  await expect(owner.locator('[data-cell]:focus')).toHaveAttribute('data-cell', `${flights.rows - 1}:18`);
  await owner.keyboard.press('Control+Home');
  await expect(owner.locator('[data-cell]:focus')).toHaveAttribute('data-cell', '0:0');
  for (let i = 0; i < 3; i += 1) await owner.keyboard.press('ArrowRight');
  await owner.keyboard.press('Shift+ArrowDown');
  await owner.keyboard.press('Shift+ArrowRight');
  await owner.keyboard.press('Control+c');
  expect(await owner.evaluate(() => navigator.clipboard.readText())).toBe('517\t515\n533\t529');
});

/** The first row in sight, from 0, as it stands under the heads. */
async function topRow(at: Page): Promise<number> {
  return await at.getByRole('grid').evaluate((grid) => {
    const heads = grid.querySelector('[role=columnheader]')?.getBoundingClientRect().bottom ?? 0;
    const rows = Array.from(grid.querySelectorAll<HTMLElement>('[data-number]'));
    const seen = rows.filter((row) => row.getBoundingClientRect().bottom > heads + 2);
    return Math.min(...seen.map((row) => Number(row.dataset['number'])));
  });
}

test('the wheel moves by its own rows, the scrollbar reaches all of them, and what is seen is the file', async () => {
  const lines = readFileSync(needed('WHEELHOUSE_TEST_FLIGHTS'), 'utf8').trimEnd().split('\n');
  await owner.goto(owner.url().split('?')[0] ?? house.url);
  const flight = await place(owner, 'flight');
  const asInFile = (row: number) =>
    expect(cell(owner, row, flight)).toHaveText(lines[row + 1]?.split(',')[10] ?? '?');
  await asInFile(0);
  await cell(owner, 8, 2).hover();
  await owner.mouse.wheel(0, 100 * 32);
  await expect.poll(() => topRow(owner)).toBe(100);
  await asInFile(100);
  await owner.mouse.wheel(0, -40 * 32);
  await expect.poll(() => topRow(owner)).toBe(60);

  // More px than a scrollbar may have: it is told fewer, and each place of it stands for a share of the rows.
  const scroll = (share: number) =>
    owner.getByRole('grid').evaluate((grid, to) => {
      const scroller = grid.parentElement?.parentElement;
      if (scroller) scroller.scrollTop = to * (scroller.scrollHeight - scroller.clientHeight);
      return scroller?.scrollHeight ?? 0;
    }, share);
  expect(await scroll(0.5)).toBeLessThan(flights.rows * 32);
  const half = flights.rows / 2;
  await expect.poll(async () => Math.abs((await topRow(owner)) - half)).toBeLessThan(40);
  await asInFile(await topRow(owner));
  await scroll(1);
  await expect(owner.locator(`[data-number="${flights.rows - 1}"]`)).toBeInViewport({ ratio: 0.9 });
  await asInFile(flights.rows - 1);
  await scroll(0);
  await expect.poll(() => topRow(owner)).toBe(0);
  await asInFile(0);
});

test('columns are hidden, moved and pinned, and the address says so', async () => {
  await cell(owner, 0, 0).click();
  await owner.keyboard.press('ArrowUp');
  await owner.keyboard.press('Alt+ArrowRight');
  await expect(owner).toHaveURL(/order=month/);
  await owner.keyboard.press('Alt+ArrowDown');
  await owner.getByRole('menuitem', { name: 'Pin to the left' }).click();
  await expect(owner).toHaveURL(/pin=year/);
  expect(await place(owner, 'year')).toBe(0);
  await owner.getByRole('button', { name: 'Columns' }).click();
  await owner.getByRole('checkbox', { name: 'tailnum' }).click();
  await expect(owner.getByText('18 of 19 shown')).toBeVisible();
  await owner.getByRole('button', { name: 'Reset' }).click();
  await expect(owner.getByText('19 of 19 shown')).toBeVisible();
  await owner.keyboard.press('Escape');
});

test('an invitation is made, its link shown once, and used by a second browser', async () => {
  await owner.keyboard.press('g');
  await owner.keyboard.press('m');
  await owner.getByRole('button', { name: 'Invite', exact: true }).click();
  await owner.getByLabel('E-mail').fill('bob@example.com');
  await owner.getByRole('button', { name: 'Make the link' }).click();
  invitation = await owner.getByLabel('Invitation link').inputValue();
  await owner.getByRole('button', { name: 'Done' }).click();
  await expect(owner.getByRole('table', { name: 'Pending invitations' })).toContainText('bob@example.com');

  await viewer.goto(invitation);
  await expect(viewer.getByRole('heading', { name: `Join ${COMPANY}` })).toBeVisible();
  await viewer.getByLabel('Your name').fill('Bob Viewer');
  await viewer.getByRole('textbox', { name: 'Choose a password' }).fill('thimble-comet-harbour-92');
  await viewer.getByRole('button', { name: `Join ${COMPANY}` }).click();
  await expect(viewer.getByRole('link', { name: 'Flights' })).toBeVisible();
  // The owner's open page changes by itself.
  await expect(owner.getByRole('table', { name: 'Members' })).toContainText('bob@example.com');
  await expect(owner.getByText('Nobody is invited')).toBeVisible();
});

test('a viewer looks, and cannot import: the controls say why, the server refuses', async () => {
  await viewer.getByRole('link', { name: 'Flights' }).click();
  await expect(viewer.getByText(`${number(flights.rows)} rows`, { exact: true })).toBeVisible();
  await viewer.getByRole('button', { name: 'Import' }).click();
  const replace = viewer.getByRole('menuitem', { name: /Replace all rows/ });
  await expect(replace).toHaveAttribute('aria-disabled', 'true');
  await expect(replace).toContainText('Needs the role editor or above; you are viewer');
  await viewer.keyboard.press('Escape');
  const id = new URL(viewer.url()).pathname.split('/').at(-1);
  const answer = await viewer.evaluate(async (panel) => {
    const response = await fetch(`/v1/panels/${panel}/imports?mode=replace&file_name=x.csv`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: 'a,b\n1,2\n',
    });
    return { status: response.status, body: await response.json() };
  }, id);
  expect(answer.status).toBe(403);
  expect(answer.body).toHaveProperty('code');
  await viewer.goto(`${house.url}/panels/new`);
  await expect(viewer.getByText('Needs the role editor or above')).toBeVisible();
  await viewer.goBack();
});

// biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern what a test asks for
test('an import by one is seen by the other at once, where they are', async ({}, info) => {
  const panel = new URL(viewer.url()).pathname;
  await viewer.goto(`${house.url}${panel}?row=150000`);
  const at = await place(viewer, 'dep_delay');
  await expect(cell(viewer, 149_999, at)).toHaveText(flights.row_150000[0] ?? '');
  await cell(viewer, 149_999, at).click();
  const before = await cell(viewer, 149_999, at).boundingBox();
  await viewer.evaluate(watchForChange, `149999:${at}`);

  const changed = info.outputPath('flights-again.csv');
  const lines = readFileSync(needed('WHEELHOUSE_TEST_FLIGHTS'), 'utf8').trimEnd().split('\n');
  const fields = (lines[150_000] ?? '').split(',');
  fields[5] = '4321';
  lines[150_000] = fields.join(',');
  lines.push('2013,12,31,broken');
  writeFileSync(changed, `${lines.slice(0, -1).join('\n')}\n${lines.at(-1)}\n`);

  await owner.goto(`${house.url}${panel}/import`);
  await owner.locator('input[type=file]').setInputFiles(changed);
  await owner.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(owner.getByText(`${number(flights.rows)} rows imported into Flights`)).toBeVisible({
    timeout: 120_000,
  });
  await expect(owner.getByText('1 line could not be read')).toBeVisible();
  const download = owner.waitForEvent('download');
  await owner.getByRole('link', { name: 'Download them as CSV' }).click();
  expect(readFileSync(await (await download).path(), 'utf8')).toContain('broken');

  await expect(cell(viewer, 149_999, at)).toHaveText('4321');
  expect(await cell(viewer, 149_999, at).boundingBox()).toEqual(before);
  await expect(viewer.locator('[data-cell]:focus')).toHaveAttribute('data-cell', `149999:${at}`);
  const late = await viewer.evaluate(() => (window as unknown as { seenAt: number }).seenAt);
  const imports = await owner.request.get(`${house.url}/v1${panel}/imports`);
  const ended = Date.parse((await imports.json()).items[0].ended_at);
  // A figure to read, not a bound to hold: the machine that tests is busy with testing.
  process.stdout.write(`e2e: ${Math.round(late - ended)} ms from the commit to the other browser's screen\n`);
});

/** Notes the moment a cell shows another text. Runs in the page. */
function watchForChange(at: string): void {
  const target = document.querySelector(`[data-cell="${at}"]`);
  const before = target?.textContent;
  new MutationObserver((_, observer) => {
    if (document.querySelector(`[data-cell="${at}"]`)?.textContent === before) return;
    (window as unknown as { seenAt: number }).seenAt = Date.now();
    observer.disconnect();
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}

test('who leaves is out, and no browser complained on the way', async () => {
  await viewer.getByRole('button', { name: /User menu/ }).click();
  await viewer.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(viewer).toHaveURL(`${house.url}/sign-in`);
  await viewer.goto(`${house.url}/settings/sessions`);
  await expect(viewer).toHaveURL(/\/sign-in\?next=\/settings\/sessions/);
  await viewer.getByLabel('E-mail').fill('bob@example.com');
  await viewer.getByRole('textbox', { name: 'Password' }).fill('thimble-comet-harbour-92');
  await viewer.keyboard.press('Enter');
  await expect(viewer.getByText('This one')).toBeVisible();
  expect(complaints).toEqual([]);
});
