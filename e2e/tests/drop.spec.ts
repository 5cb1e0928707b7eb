// A file dropped where one stands: on the list, on an open grid, on a panel without rows; refused, with the reason, for a viewer.
import { type BrowserContext, expect, type JSHandle, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { join, makePanel, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

const CSV = 'city,size\nOslo,7\nBergen,3\n';

let house: House;
let context: BrowserContext;
let page: Page;
let panel: string;
let empty: string;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext();
  await setUp(house, context);
  panel = await makePanel(house, context, 'Cities', CSV);
  empty = await makePanel(house, context, 'Nothing yet');
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

/** What the pointer holds. Of files alone the page takes notice. */
function held(at: Page, name: string, csv: string): Promise<JSHandle<DataTransfer>> {
  return at.evaluateHandle(
    ({ file, text }) => {
      const data = new DataTransfer();
      if (file) data.items.add(new File([text], file, { type: 'text/csv' }));
      else data.setData('text/plain', text);
      return data;
    },
    { file: name, text: csv },
  );
}

type Step = 'dragenter' | 'dragleave' | 'dragover' | 'drop';

async function drag(at: Page, data: JSHandle<DataTransfer>, ...steps: Step[]): Promise<void> {
  for (const step of steps) await at.dispatchEvent('body', step, { dataTransfer: data });
}

const firstRows = (at: Page) => at.getByRole('region', { name: 'The first rows' });

test('on the list: it says what would happen, is read, and becomes a panel', async () => {
  await page.goto(`${house.url}/panels`);
  await expect(page.getByRole('table', { name: 'Panels' })).toContainText('Cities');
  const says = page.getByText('Drop it to make a panel');
  const data = await held(page, 'rivers_of_norway.csv', CSV);
  // Over a thing and over what stands in it: only who leaves both has left.
  await drag(page, data, 'dragenter', 'dragenter', 'dragover', 'dragleave');
  await expect(says).toBeVisible();
  await drag(page, data, 'dragleave');
  await expect(says).toHaveCount(0);
  await drag(page, await held(page, '', 'words of a selection'), 'dragenter', 'drop');
  await expect(says).toHaveCount(0);
  await expect(page).toHaveURL(`${house.url}/panels`);

  await drag(page, data, 'dragenter', 'dragover', 'drop');
  await expect(page).toHaveURL(`${house.url}/panels/new`);
  await expect(firstRows(page)).toContainText('Bergen');
  await expect(page.getByLabel('Title of the panel')).toHaveValue('rivers of norway');
  // Another one, dropped here, is read instead.
  await drag(page, await held(page, 'lakes.csv', 'lake,depth\nMjøsa,453\n'), 'dragenter', 'drop');
  await expect(firstRows(page)).toContainText('Mjøsa');
  await expect(page.getByLabel('Title of the panel')).toHaveValue('lakes');
  await page.getByRole('button', { name: 'Create panel and import' }).click();
  await expect(page.getByText('1 row imported into lakes')).toBeVisible();
});

test('on an open grid: into that panel', async () => {
  await page.goto(`${house.url}/panels/${panel}`);
  await expect(page.getByRole('grid', { name: 'Cities' })).toHaveAttribute('aria-rowcount', '3');
  const data = await held(page, 'more.csv', `${CSV}Hamar,2\n`);
  await drag(page, data, 'dragenter', 'dragover');
  await expect(page.getByText('Import into Cities')).toBeVisible();
  await drag(page, data, 'drop');
  await expect(page).toHaveURL(`${house.url}/panels/${panel}/import`);
  await expect(firstRows(page)).toContainText('Hamar');
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await expect(page.getByText('3 rows imported into Cities')).toBeVisible();
  await page.getByRole('link', { name: 'Open the panel' }).click();
  await expect(page.getByRole('grid', { name: 'Cities' })).toHaveAttribute('aria-rowcount', '4');
});

test('on a panel without rows: dropped, or chosen by its one button', async () => {
  await page.goto(`${house.url}/panels/${empty}`);
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a file' }).click();
  const file = { name: 'chosen.csv', mimeType: 'text/csv', buffer: Buffer.from(CSV) };
  await (await choosing).setFiles(file);
  await expect(page).toHaveURL(`${house.url}/panels/${empty}/import`);
  await expect(firstRows(page)).toContainText('Oslo');
  await page.goBack();
  await expect(page.getByText('No rows yet')).toBeVisible();
  await drag(page, await held(page, 'dropped.csv', 'a,b\nx,y\n'), 'dragenter', 'drop');
  await expect(firstRows(page)).toContainText('x');
  await expect(page.getByText('dropped.csv')).toBeVisible();
});

test('a viewer is told why not, before it is dropped, and nothing is taken', async ({ browser }) => {
  const theirs = await join(house, browser, context, {
    name: 'Vic',
    email: 'vic@example.com',
    role: 'viewer',
  });
  const view = await theirs.newPage();
  let sent = 0;
  view.on('request', (request) => {
    sent += Number(request.method() === 'POST' && request.url().includes('/v1/panels'));
  });
  for (const path of ['/panels', `/panels/${panel}`]) {
    await view.goto(house.url + path);
    await expect(
      view
        .getByText('Bergen')
        .or(view.getByRole('link', { name: 'Cities' }))
        .first(),
    ).toBeVisible();
    const data = await held(view, 'mine.csv', CSV);
    await drag(view, data, 'dragenter', 'dragover');
    await expect(view.getByText('Not for you')).toBeVisible();
    await expect(view.getByText('Needs the role editor or above; you are viewer')).toBeVisible();
    await drag(view, data, 'drop');
    await expect(view.getByText('Not for you')).toHaveCount(0);
    await expect(view).toHaveURL(house.url + path);
  }
  expect(sent).toBe(0);
  await theirs.close();
});
