// What a person corrects before anything is stored: the delimiter, a type, a name, a column left out, and then the panel has just that.
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

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

const rows = () => page.getByRole('region', { name: 'The first rows' });
const nameOf = (column: string) =>
  page.getByRole('textbox', { name: `Name of the column ${column}`, exact: true });

async function read(name: string, text: string): Promise<void> {
  await page.goto(`${house.url}/panels/new`);
  const file = { name, mimeType: 'text/csv', buffer: Buffer.from(text) };
  await page.locator('input[type=file]').setInputFiles(file);
  await expect(rows()).toBeVisible();
}

async function choose(list: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: list, exact: true }).click();
  await page.getByRole('option', { name: option, exact: true }).click();
}

test('delimiter, type, name and a column left out: the panel is as it was corrected', async () => {
  const lines = ['day;amount;size;note', '2026-01-31;12,5;7;fine', '2026-02-01;8,25;8;late'];
  await read('prices.csv', `${lines.join('\n')}\n`);
  await expect(nameOf('amount')).toHaveValue('amount');

  // Read by commas it is another table, and back by semicolons the first one.
  await choose('Delimiter', 'Comma ,');
  await expect(nameOf('amount')).toHaveCount(0);
  await expect(nameOf('day;amount;size;note')).toBeVisible();
  await choose('Delimiter', 'Semicolon ;');
  await expect(nameOf('amount')).toHaveValue('amount');

  // A type that does not fit is shown at each cell before anything is stored.
  await choose('Type of the column amount', 'number');
  await expect(rows().locator('td[data-state=bad]')).toHaveCount(2);
  await expect(rows()).toContainText('12,5 (not a number)');
  await expect(page.getByText('2 of the first 2 lines cannot be read this way')).toBeVisible();
  await choose('Type of the column amount', 'text');
  await expect(rows().locator('td[data-state=bad]')).toHaveCount(0);

  await choose('Type of the column size', 'text');
  await nameOf('note').fill('remark');
  await nameOf('note').press('Enter');
  await page.getByRole('checkbox', { name: 'Take the column day', exact: true }).uncheck();
  await expect(rows().locator('td[data-state=skipped]')).toHaveCount(2);
  await expect(nameOf('note')).toHaveValue('remark');

  await page.getByRole('button', { name: 'Create panel and import' }).click();
  await expect(page.getByText('2 rows imported into prices')).toBeVisible();
  await page.getByRole('link', { name: 'Open the panel' }).click();
  await expect(page.getByRole('grid', { name: 'prices' })).toHaveAttribute('aria-colcount', '4');
  for (const [at, [title, value]] of [
    ['amount · text', '12,5'],
    ['size · text', '7'],
    ['remark · text', 'fine'],
  ].entries()) {
    await expect(page.locator(`[data-cell="-1:${at}"]`)).toHaveAttribute('title', title ?? '');
    await expect(page.locator(`[data-cell="0:${at}"]`)).toHaveText(value ?? '');
  }
});

test('of very many columns it is said how many are not in the table', async () => {
  const names = Array.from({ length: 131 }, (_, index) => `c${index + 1}`);
  const numbers = names.map((_, index) => index);
  await read('wide.csv', `${names.join(',')}\n${numbers.join(',')}\n${numbers.join(',')}\n`);
  await expect(nameOf('c120')).toHaveValue('c120');
  await expect(nameOf('c121')).toHaveCount(0);
  await expect(rows().getByRole('columnheader').last()).toHaveText('and 11 more columns, read as detected');
});
