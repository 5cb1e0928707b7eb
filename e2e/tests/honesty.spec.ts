// What is on screen is what was asked for: no other rows under a filter's name, no company's data under another's, no silent end.
import { type Browser, type BrowserContext, expect, type Page, type Route, test } from '@playwright/test';
import { House } from '../lib/house';
import { COMPANY, OWNER, send, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

const SECOND = 'Second Company';

let house: House;
let context: BrowserContext;
let page: Page;
let panel: string;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext();
  await setUp(house, context);
  panel = (
    (await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title: 'Delays' })) as {
      id: string;
    }
  ).id;
  await replaceRows('name,delay\na,5\nb,15\nc,25\n');
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

async function replaceRows(csv: string): Promise<void> {
  const address = `${house.url}/v1/panels/${panel}/imports?mode=replace&file_name=f.csv`;
  await send(context.request, 'POST', address, house, Buffer.from(csv));
}

const address = (query: string) => `${house.url}/panels/${panel}?${query}`;
const grid = () => page.getByRole('grid', { name: 'Delays' });
const refusal = () => page.getByRole('region', { name: 'Why no rows are shown' });

test('a value of the wrong type shows no rows, says why, and is corrected where it stands', async () => {
  await page.goto(address('filter=delay.eq(abc)'));
  await expect(refusal()).toContainText('delay is abc: not a whole number');
  await expect(page.getByText('delay is abc · not applied: not a whole number')).toBeVisible();
  await expect(grid()).toHaveCount(0);
  await expect(page.getByText('3 rows')).toHaveCount(0);
  await page.getByRole('button', { name: 'Correct the filter' }).click();
  await page.getByLabel('Condition 1: value').fill('15');
  await expect(page.getByText('1 of 3 rows')).toBeVisible();
  await expect(refusal()).toHaveCount(0);
  // While it is typed, what does not fit waits; once the builder is closed, it is said.
  await page.getByLabel('Condition 1: value').fill('x');
  await expect(page.getByText('3 rows', { exact: true })).toBeVisible();
  await expect(page).not.toHaveURL(/filter=/);
  await page.keyboard.press('Escape');
  await expect(refusal()).toContainText('delay is x: not a whole number');
  await page.getByRole('button', { name: 'Take out and show the rows' }).click();
  await expect(grid()).toHaveAttribute('aria-rowcount', '4');
});

test('the builder keeps the focus when the condition that had it is removed, and hears Esc', async () => {
  await page.goto(address('filter=delay.gt(10),name.eq(b)'));
  await expect(page.getByText('1 of 3 rows')).toBeVisible();
  const button = page.getByRole('button', { name: /^Filter/ });
  const builder = page.getByRole('dialog', { name: /^Filter/ });
  await button.click();
  await builder.getByRole('button', { name: 'Remove Condition 2' }).press('Enter');
  await expect(page.getByText('2 of 3 rows')).toBeVisible();
  await expect(page.locator(':focus')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(builder).toHaveCount(0);
  await expect(button).toBeFocused();
});

test('an unknown sort and a filter that cannot be read show no rows until they are taken out', async () => {
  await page.goto(address('sort=nosuch'));
  await expect(refusal()).toContainText('Sort by nosuch: there is no column nosuch');
  await expect(page.getByRole('button', { name: 'Sort', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Remove the sort Sort by nosuch' }).click();
  await expect(grid()).toHaveAttribute('aria-rowcount', '4');
  await expect(page).not.toHaveURL(/sort=/);
  await page.goto(address('filter=delay.gt(5'));
  await expect(refusal()).toContainText('The filter in the address: it cannot be read');
  await page.getByRole('button', { name: 'Take out and show the rows' }).click();
  await expect(grid()).toHaveAttribute('aria-rowcount', '4');
  await expect(page).not.toHaveURL(/filter=/);
});

test('the column goes while somebody looks: its rows give way to the reason, live', async () => {
  await page.goto(address('filter=delay.gt(10)&sort=delay'));
  await expect(page.getByText('2 of 3 rows')).toBeVisible();
  await replaceRows('name,other\na,1\nb,2\n');
  await expect(refusal()).toContainText('delay > 10: there is no column delay');
  await expect(refusal()).toContainText('Sort by delay: there is no column delay');
  await expect(grid()).toHaveCount(0);
  await page.getByRole('button', { name: 'Take out and show the rows' }).click();
  await expect(grid()).toHaveAttribute('aria-rowcount', '3');
});

test('the check of a replacing file names the columns that go, come and change, and asks before any goes', async () => {
  await page.goto(`${house.url}/panels/${panel}/import`);
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'new.csv', mimeType: 'text/csv', buffer: Buffer.from('name,brandnew\nx,1\n') });
  await expect(page.getByText('Go away, with their values: other')).toBeVisible();
  await expect(page.getByText('New: brandnew')).toBeVisible();
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  const question = page.getByRole('dialog', { name: 'Take 1 column out of Delays?' });
  await expect(question).toContainText('2 rows');
  await question.getByRole('button', { name: 'Keep' }).click();
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await question.getByRole('button', { name: 'Replace all rows' }).click();
  await expect(page.getByText('1 row imported into Delays')).toBeVisible();
  await expect(page.getByText('take the place of all')).toHaveCount(0);
});

test('an import whose answer is lost is still told by its record, and a second press makes no second panel', async () => {
  const csv = 'a,b\n1,2\n3,4\n';
  let making: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    making = resolve;
  });
  let made = 0;
  await page.route('**/v1/panels', async (route) => {
    if (route.request().method() === 'POST') {
      made += 1;
      await gate;
    }
    await route.continue();
  });
  await page.route('**/v1/panels/*/imports?*', async (route) => {
    const request = route.request();
    if (request.method() !== 'POST') return route.continue();
    const headers = { ...request.headers(), origin: house.url };
    expect((await route.fetch({ headers, postData: Buffer.from(csv) })).status()).toBe(201);
    await route.abort();
  });
  await page.goto(`${house.url}/panels/new`);
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'lost.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
  await page.getByRole('button', { name: 'Create panel and import' }).dblclick();
  making();
  await expect(page.getByText('2 rows imported into lost')).toBeVisible();
  expect(made).toBe(1);
  await page.unrouteAll({ behavior: 'wait' });
  await page.getByRole('link', { name: 'Open the panel' }).click();
  await expect(page.getByRole('grid', { name: 'lost' })).toHaveAttribute('aria-rowcount', '3');
});

/** Lets the import of a page happen, or not, and answers as the test says. */
async function behindGateway(
  csv: string,
  answer: (route: Route, store: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await page.route('**/v1/panels/*/imports?*', async (route) => {
    const request = route.request();
    if (request.method() !== 'POST') return route.continue();
    const headers = { ...request.headers(), origin: house.url };
    await answer(route, async () => {
      expect((await route.fetch({ headers, postData: Buffer.from(csv) })).status()).toBe(201);
    });
  });
}

async function createFrom(name: string, content: string): Promise<void> {
  await page.goto(`${house.url}/panels/new`);
  await page
    .locator('input[type=file]')
    .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
  await page.getByRole('button', { name: 'Create panel and import' }).click();
}

test('a stop that comes too late says so, and shows what was stored', async () => {
  const csv = 'a,b\n1,2\n3,4\n';
  let stored: () => void = () => undefined;
  const isStored = new Promise<void>((resolve) => {
    stored = resolve;
  });
  await behindGateway(csv, async (_, store) => {
    await store();
    stored();
  });
  await createFrom('late.csv', csv);
  await isStored;
  await page.getByRole('button', { name: 'Stop the import' }).click();
  await expect(page.getByText('2 rows imported into late')).toBeVisible();
  await expect(page.getByText('The stop came too late')).toBeVisible();
  // The page has hung up: nobody waits for the answer that never came.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('a gateway that gives up before the server costs no rows; what never came there leaves no panel', async () => {
  const csv = 'a,b\n1,2\n3,4\n';
  const late = { status: 504, contentType: 'text/html', body: '<html></html>' };
  await behindGateway(csv, async (route, store) => {
    await store();
    await route.fulfill(late);
  });
  await createFrom('slow gateway.csv', csv);
  await expect(page.getByText('2 rows imported into slow gateway')).toBeVisible();
  await page.unrouteAll({ behavior: 'wait' });
  await behindGateway(csv, (route) => route.fulfill(late));
  await createFrom('shut gateway.csv', csv);
  await expect(page.getByRole('alert').filter({ hasText: 'http.504' })).toBeVisible();
  const found = async () =>
    (await (await context.request.get(`${house.url}/v1/panels?q=gateway`)).json()).items as {
      title: string;
    }[];
  await expect.poll(async () => (await found()).map(({ title }) => title)).toEqual(['slow gateway']);
  await page.unrouteAll({ behavior: 'wait' });
});

test('a file of very many columns is imported as it is detected', async () => {
  const names = Array.from({ length: 600 }, (_, i) => `a column ${i}`);
  await createFrom('wide.csv', `${names.join(',')}\n${names.map((_, i) => i).join(',')}\n`);
  await expect(page.getByText('1 row imported into wide')).toBeVisible();
});

test('keys that come late in a file are named as left out', async () => {
  await createFrom('log.ndjson', `${'{"a":1}\n'.repeat(12_000)}{"a":2,"error_code":"E1"}\n`);
  await expect(page.getByText('12,001 rows imported into log')).toBeVisible();
  await expect(page.getByText('A key of the file is not in the panel')).toContainText(': error_code.');
});

test('columns in another order are appended by their names, and keys that objects leave out are empty', async () => {
  const made = (await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title: 'Order' })) as {
    id: string;
  };
  const one = `${house.url}/v1/panels/${made.id}/imports?mode=replace&file_name=f.csv`;
  await send(context.request, 'POST', one, house, Buffer.from('a,b\n1,x\n'));
  const file = page.locator('input[type=file]');
  const append = async (name: string, content: string) => {
    await page.goto(`${house.url}/panels/${made.id}/import?mode=append`);
    await file.setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(content) });
  };
  const button = page.getByRole('button', { name: 'Append rows' });
  await append('other.csv', 'b,c\ny,2\n');
  await expect(page.getByText('Missing in the file: a')).toBeVisible();
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await append('turned.csv', 'b,a\ny,2\n');
  await button.click();
  await expect(page.getByText('1 row appended to Order')).toBeVisible();
  await append('short.ndjson', '{"a":3}\n');
  await expect(page.getByText('Left empty where a line does not have them: b')).toBeVisible();
  await button.click();
  await expect(page.getByText('1 row appended to Order')).toBeVisible();
  await page.goto(`${house.url}/panels/${made.id}`);
  for (const [cell, text] of [
    ['1:0', '2'],
    ['1:1', 'y'],
    ['2:0', '3'],
    ['2:1', '–'],
  ] as const)
    await expect(page.locator(`[data-cell="${cell}"]`), cell).toHaveText(text);
});

test('a day among times is all of that day', async () => {
  const made = (await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title: 'Times' })) as {
    id: string;
  };
  const times = [
    '2013-01-30 23:59:59',
    '2013-01-31 00:00:00',
    '2013-01-31 23:59:59',
    '2013-02-01 00:00:00',
    '',
  ];
  const csv = `at,n\n${times.map((at, n) => `${at},${n}\n`).join('')}`;
  await send(
    context.request,
    'POST',
    `${house.url}/v1/panels/${made.id}/imports?mode=replace&file_name=f.csv`,
    house,
    Buffer.from(csv),
  );
  for (const [filter, rows] of [
    ['at.eq(2013-01-31)', 2],
    ['at.ne(2013-01-31)', 3],
    ['at.le(2013-01-31)', 3],
    ['at.gt(2013-01-31)', 1],
    ['at.between(2013-01-30,2013-01-31)', 3],
    ['at.in(2013-01-30,2013-01-31)', 3],
  ] as const) {
    await page.goto(`${house.url}/panels/${made.id}?filter=${filter}`);
    await expect(page.getByText(`${rows} of 5 rows`), filter).toBeVisible();
  }
});

test('a number of 64 bits is shown, found and told with all its digits', async () => {
  const made = (await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title: 'Ids' })) as {
    id: string;
  };
  const csv = 'id,word\n9007199254740992,even\n9007199254740993,odd\n';
  await send(
    context.request,
    'POST',
    `${house.url}/v1/panels/${made.id}/imports?mode=replace&file_name=f.csv`,
    house,
    Buffer.from(csv),
  );
  await page.goto(`${house.url}/panels/${made.id}?filter=id.eq(9007199254740993)&open=row`);
  await expect(page.getByText('1 of 2 rows')).toBeVisible();
  await expect(page.locator('[data-cell="0:0"]')).toHaveText('9007199254740993');
  await expect(page.locator('[data-cell="0:1"]')).toHaveText('odd');
  await expect(
    page.getByRole('complementary', { name: 'Row' }).getByRole('definition').first(),
  ).toContainText('9007199254740993');
});

test('a hidden column is named in the address alone, so that later ones are seen', async () => {
  await page.goto(address('hide=brandnew'));
  await expect(page.getByRole('columnheader')).toHaveCount(2);
  await replaceRows('name,brandnew,late\na,1,2\n');
  await expect(page.getByRole('columnheader')).toHaveCount(3);
});

test('values that differ in their case, or hold a comma, are values of their own', async () => {
  await page.goto(address('filter=name.in(a)'));
  await page.getByRole('button', { name: /^Filter/ }).click();
  const values = page.locator('input[aria-label="Condition 1: values"]');
  for (const value of ['UA', 'ua', 'Smith, John']) {
    await values.fill(value);
    await values.press('Enter');
  }
  await expect
    .poll(() => decodeURIComponent(page.url()).replaceAll('+', ' '))
    .toContain("filter=name.in(a,UA,ua,'Smith, John')");
  await page.keyboard.press('Escape');
});

test('the panel goes while somebody looks: the page says so, and shows none of its rows', async () => {
  const made = (await send(context.request, 'POST', `${house.url}/v1/panels`, house, {
    title: 'Short-lived',
  })) as { id: string };
  const one = `${house.url}/v1/panels/${made.id}`;
  await send(
    context.request,
    'POST',
    `${one}/imports?mode=replace&file_name=f.csv`,
    house,
    Buffer.from('a\n1\n'),
  );
  await page.goto(`${house.url}/panels/${made.id}`);
  const rows = page.getByRole('grid', { name: 'Short-lived' });
  await expect(rows).toHaveAttribute('aria-rowcount', '2');
  await send(context.request, 'DELETE', one, house);
  await expect(page.getByRole('alert')).toContainText('This panel is not there any more');
  await expect(rows).toHaveCount(0);
  await page.getByRole('link', { name: 'Go to panels' }).click();
  await expect(page.getByRole('link', { name: 'Delays' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Short-lived' })).toHaveCount(0);
});

test('another tab switches the company: this one says so, holds nothing of it, and leads back', async () => {
  await page.goto(address(''));
  await expect(grid()).toBeVisible();
  const other = await context.newPage();
  await other.goto(`${house.url}/panels`);
  await other.getByRole('button', { name: `Company: ${COMPANY}` }).click();
  await other.getByRole('menuitem', { name: 'New company' }).click();
  await other.getByLabel('Name').fill(SECOND);
  await other.getByRole('button', { name: 'Create company' }).click();
  await expect(other.getByRole('button', { name: `Company: ${SECOND}` })).toBeVisible();
  await expect(page.getByRole('heading', { name: `This tab was in ${COMPANY}` })).toBeVisible();
  await expect(grid()).toHaveCount(0);
  await page.getByRole('button', { name: `Switch back to ${COMPANY}` }).click();
  await expect(grid()).toBeVisible();
  await expect(other.getByRole('heading', { name: `This tab was in ${SECOND}` })).toBeVisible();
  await other.getByRole('button', { name: `Go on in ${COMPANY}` }).click();
  await expect(other.getByRole('link', { name: 'Delays' })).toBeVisible();
  await other.close();
});

test('a link into another of one’s companies offers to open it there', async () => {
  await page.getByRole('button', { name: `Company: ${COMPANY}` }).click();
  await page.getByRole('menuitem', { name: SECOND }).click();
  await expect(page.getByText('No panels yet')).toBeVisible();
  await page.goto(address('sort=name'));
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
  await page.getByRole('button', { name: `Open it in ${COMPANY}` }).click();
  await expect(grid()).toBeVisible();
  await expect(page).toHaveURL(/sort=name/);
});

test('an address without a page is a 404 that looks like one', async () => {
  for (const path of ['/panels/zzz', '/nowhere', '/.git/config']) {
    expect((await page.goto(`${house.url}${path}`))?.status(), path).toBe(404);
  }
  await page.goto(`${house.url}/panels/zzz`);
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible();
  expect((await page.request.get(`${house.url}/favicon.ico`)).status()).toBe(200);
});

test('a session that ends elsewhere says so at the sign-in, and comes back to where one was', async ({
  browser,
}) => {
  const mine = await signedIn(browser);
  await mine.goto(address('sort=name'));
  await expect(mine.getByRole('grid', { name: 'Delays' })).toBeVisible();
  await send(context.request, 'POST', `${house.url}/v1/identity/sessions/revoke-others`, house);
  await expect(mine.getByText('Your session was ended elsewhere')).toBeVisible();
  await mine.getByLabel('E-mail').fill(OWNER.email);
  await mine.getByRole('textbox', { name: 'Password' }).fill(OWNER.password);
  await mine.getByRole('button', { name: 'Sign in' }).click();
  await expect(mine).toHaveURL(/sort=name/);
  await mine.context().close();
});

test('nobody at the page: the end is told before it comes, and why after it', async ({ browser }) => {
  const mine = await signedIn(browser);
  await mine.clock.install();
  await mine.goto(address('sort=name'));
  await expect(mine.getByRole('grid', { name: 'Delays' })).toBeVisible();
  const warning = mine.getByRole('dialog', { name: 'Are you still there?' });
  // An answer that was still on its way when the time went by counts as a use at its end: then it takes as long once more.
  await expect(async () => {
    if (!(await warning.isVisible())) await mine.clock.fastForward('28:30');
    await expect(warning).toContainText('30 min without use', { timeout: 3_000 });
  }).toPass({ timeout: 30_000 });
  await warning.getByRole('button', { name: 'Stay signed in' }).click();
  await mine.clock.runFor(2_000);
  await expect(warning).toHaveCount(0);
  await mine.clock.fastForward('29:30');
  await expect(warning).toBeVisible();
  await send(context.request, 'POST', `${house.url}/v1/identity/sessions/revoke-others`, house);
  await expect(mine.getByText('not used for a while')).toBeVisible();
  await mine.context().close();
});

async function signedIn(browser: Browser): Promise<Page> {
  const theirs = await browser.newContext();
  const made = await theirs.newPage();
  const { email, password } = OWNER;
  await send(theirs.request, 'POST', `${house.url}/v1/identity/sessions`, house, { email, password });
  return made;
}
