// What runs and what ended, in the top bar: another's import seen with how far it is, stopped, found again; what is new since last looked at.
import { connect, type Socket } from 'node:net';
import { type BrowserContext, expect, type Locator, type Page, test } from '@playwright/test';
import { forAxe, objections, WIDTHS } from '../lib/axe';
import { House } from '../lib/house';
import { send, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

let house: House;
let context: BrowserContext;
let page: Page;
let flights: string;
let airports: string;
const VIEWER = { name: 'Vic', password: 'granite-otter-lantern-48' };

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext({ reducedMotion: 'reduce' });
  await setUp(house, context);
  flights = await create('Flights');
  airports = await create('Airports');
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

async function replaceRows(panel: string, csv: string): Promise<void> {
  const address = `${house.url}/v1/panels/${panel}/imports?mode=replace&file_name=f.csv`;
  await send(context.request, 'POST', address, house, Buffer.from(csv));
}

interface Upload {
  socket: Socket;
  /** What the server answered, once it has. */
  answer: Promise<string>;
}

const SIZE = 10_000_000;
/** The server ends an upload that stands still: so much comes by itself. */
const DRIP = 'n,word\n1,one\n'.repeat(400);
const DRIP_EVERY_MS = 1_500;

/** An upload that goes on until the test ends it, faster where the test writes: what another program would do. */
async function upload(panel: string): Promise<Upload> {
  const { hostname, port, host } = new URL(house.url);
  const cookies = await context.cookies(house.url);
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const socket = connect(Number(port), hostname);
  const head = [
    `POST /v1/panels/${panel}/imports?mode=replace&file_name=slow.csv HTTP/1.1`,
    `Host: ${host}`,
    `Cookie: ${cookie}`,
    `Origin: ${house.url}`,
    'Content-Type: text/csv',
    `Content-Length: ${SIZE}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const timer = setInterval(() => socket.writable && socket.write(DRIP), DRIP_EVERY_MS);
  const answer = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => {
      clearInterval(timer);
      resolve(text);
    });
  });
  return { socket, answer };
}

const button = (name: string | RegExp, at: Page = page) =>
  at.getByRole('region', { name: 'Top bar' }).getByRole('button', { name });
const activity = (at: Page = page) => at.getByRole('dialog', { name: /^Activity/ });
const notices = (at: Page = page) => at.getByRole('dialog', { name: /^Notifications/ });
/** By the key alone, wherever the focus is: what had it may just be drawn anew. */
const close = async (dialog: Locator) => {
  await dialog.page().keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
};
const LINE = 'n,word\n1,one\n';

test('at first nothing runs and nothing is new', async () => {
  await page.goto(`${house.url}/panels`);
  await button('Activity').click();
  await expect(activity()).toContainText('Nothing is running');
  await close(activity());
  await expect(button('Activity')).toBeFocused();
  await button('Notifications').click();
  await expect(notices()).toContainText('Nothing has ended yet');
  await close(notices());
});

test('what cannot be asked for is not said to be nothing', async () => {
  await page.route('**/v1/panels/imports?*', (route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: '{"code":"server.fault","title":"a fault"}',
    }),
  );
  await page.reload();
  await button('Activity').click();
  await expect(activity().getByRole('alert')).toContainText('server.fault');
  await expect(activity()).not.toContainText('Nothing is running');
  await close(activity());
  await button('Notifications').click();
  await expect(notices().getByRole('alert')).toContainText('server.fault');
  await expect(notices()).not.toContainText('Nothing has ended');
  await page.unrouteAll({ behavior: 'wait' });
  await notices().getByRole('button', { name: 'Try again' }).click();
  await expect(notices()).toContainText('Nothing has ended yet');
  await expect(notices().getByRole('alert')).toHaveCount(0);
  await close(notices());
});

test('what another program imports is seen as it runs, also after the tab was closed, and is stopped', async () => {
  await replaceRows(flights, LINE);
  const { socket, answer } = await upload(flights);
  socket.write(LINE.repeat(100_000));
  await expect(button('Activity: 1 running')).toBeVisible();
  await page.close();
  page = await context.newPage();
  await page.goto(`${house.url}/people/members`);
  await button('Activity: 1 running').click();
  const running = activity().getByRole('list', { name: 'Running' });
  await expect(running).toContainText('Importing slow.csv · by you');
  await expect(running).toContainText(/1\.\d MB of 10 MB/);
  const share = async () => Number(await running.getByRole('progressbar').getAttribute('aria-valuenow'));
  await expect.poll(share).toBeGreaterThanOrEqual(13);
  socket.write(LINE.repeat(300_000));
  await expect(running).toContainText(/5\.\d MB of 10 MB/);
  await expect.poll(share).toBeGreaterThanOrEqual(52);

  await running.getByRole('button', { name: 'Stop the import into Flights' }).click();
  await expect(activity()).toContainText('Nothing is running');
  await expect(activity().getByRole('list', { name: 'Ended' }).getByRole('listitem').first()).toContainText(
    'Import stopped',
  );
  expect(await answer).toContain('panels.import_stopped');
  await activity()
    .getByRole('list', { name: 'Ended' })
    .getByRole('link', { name: 'Flights' })
    .first()
    .click();
  await expect(page).toHaveURL(`${house.url}/panels/${flights}`);
  await expect(activity()).toHaveCount(0);
  await expect(page.getByText('1 row', { exact: true })).toBeVisible();
});

test('what ended since last looked at is told once, here and in every tab', async () => {
  await button(/^Notifications/).click();
  await close(notices());
  await expect(button('Notifications')).toHaveAccessibleName('Notifications');
  await replaceRows(airports, 'code\nJFK\nLGA\n');
  const refused = await context.request.post(`${house.url}/v1/panels/${airports}/imports?mode=append`, {
    headers: { origin: house.url, 'content-type': 'text/csv' },
    data: 'other\n1\n',
  });
  expect(refused.status()).toBe(409);
  await expect(button('Notifications: 2 new')).toBeVisible();
  await button('Notifications: 2 new').click();
  const lines = notices().getByRole('listitem');
  await expect(lines.filter({ hasText: 'new' })).toHaveCount(2);
  await expect(lines.first()).toContainText('Import failed');
  await expect(lines.first()).toContainText('dataset.schema_differs');
  await expect(lines.nth(1)).toContainText('2 rows imported');
  await close(notices());
  await expect(button('Notifications')).toHaveAccessibleName('Notifications');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Flights' }).first()).toBeVisible();
  await button('Notifications').click();
  await expect(lines.first()).toContainText('Import failed');
  await expect(notices().getByText('new', { exact: true })).toHaveCount(0);
  await close(notices());
  // The panel itself remembers why.
  await page.goto(`${house.url}/panels/${airports}`);
  await page.getByRole('button', { name: 'Import' }).click();
  await page.getByRole('menuitem', { name: 'Past imports' }).click();
  const past = page.getByRole('table', { name: 'Imports' }).getByRole('row');
  await expect(past.nth(1)).toContainText('dataset.schema_differs');
  await expect(past).toHaveCount(3);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('the page of an import that somebody stops says so', async () => {
  const other = await context.newPage();
  await other.goto(`${house.url}/panels/${flights}/import?mode=replace`);
  await other.locator('input[type=file]').setInputFiles({
    name: 'large.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`n,word\n${'1,one\n'.repeat(2_000_000)}`),
  });
  await expect(other.getByRole('region', { name: 'The first rows' })).toBeVisible();
  // As slow as the test needs it.
  const wire = await context.newCDPSession(other);
  await wire.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 200_000,
  });
  await other.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
  await expect(other.getByRole('progressbar', { name: 'Progress of the upload' })).toBeVisible();
  await button('Activity: 1 running').click();
  await activity().getByRole('button', { name: 'Stop the import into Flights' }).click();
  await expect(other.getByRole('alert')).toContainText('panels.import_stopped');
  await expect(activity()).toContainText('Nothing is running');
  // Its line is gone, and with it the button that had the focus.
  await expect(activity().locator(':focus')).toHaveCount(1);
  await close(activity());
  await other.close();
});

test('the page that stops its import stops it at the server', async () => {
  const other = await context.newPage();
  let begin: (standIn: Upload) => void = () => undefined;
  const begun = new Promise<Upload>((resolve) => {
    begin = resolve;
  });
  // What the page sends is held back: an upload of the same name stands for it at the server, which has all that it was sent.
  await other.route(`**/v1/panels/${flights}/imports?*`, async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    begin(await upload(flights));
  });
  await other.goto(`${house.url}/panels/${flights}/import?mode=replace`);
  await other
    .locator('input[type=file]')
    .setInputFiles({ name: 'slow.csv', mimeType: 'text/csv', buffer: Buffer.from(LINE) });
  await other.getByRole('main').getByRole('button', { name: 'Import', exact: true }).click();
  const { answer } = await begun;
  await expect(button('Activity: 1 running', other)).toBeVisible();
  await other.getByRole('button', { name: 'Stop the import', exact: true }).click();
  await expect(other.getByText('The import was stopped. Flights is as it was before.')).toBeVisible();
  expect(await answer).toContain('panels.import_stopped');
  await other.close();
});

test('a viewer sees what runs and is told why they cannot stop it', async ({ browser }) => {
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
  const theirs = await browser.newContext({ reducedMotion: 'reduce' });
  await send(theirs.request, 'POST', `${house.url}/v1/identity/invitations/accept`, house, {
    token,
    ...VIEWER,
  });
  const view = await theirs.newPage();
  await view.goto(`${house.url}/panels`);
  const { socket, answer } = await upload(flights);
  await button('Activity: 1 running', view).click();
  await expect(activity(view)).toContainText('by Ada Lovelace');
  const stop = activity(view).getByRole('button', { name: 'Stop the import into Flights' });
  await expect(stop).toHaveAttribute('aria-disabled', 'true');
  await stop.hover();
  await expect(view.getByRole('tooltip')).toContainText('Needs the role editor or above');
  socket.destroy();
  await answer;
  // The sender went away: that ends it, and is told.
  await expect(activity(view)).toContainText('Nothing is running');
  await expect(activity(view)).toContainText('panels.upload_broken');
  await expect(button('Notifications: 1 new', view)).toBeAttached();
  await theirs.close();
});

for (const size of WIDTHS) {
  test(`${size[0]} px: open, axe has nothing to object to in both themes and nothing is cut`, async ({
    browser,
  }) => {
    const { socket, answer } = await upload(flights);
    socket.write(LINE.repeat(100_000));
    const looking = await browser.newContext({ ...forAxe(size), storageState: await context.storageState() });
    const view = await looking.newPage();
    await view.goto(`${house.url}/panels`);
    await button('Activity: 1 running', view).click();
    await expect(activity(view)).toContainText(/MB of 10 MB/);
    await expect(activity(view)).toContainText('Import stopped');
    const found = await objections(view, 'activity');
    await close(activity(view));
    await button(/^Notifications/, view).click();
    await expect(notices(view)).toContainText('dataset.schema_differs');
    found.push(...(await objections(view, 'notifications')));
    await close(notices(view));
    await button('Help', view).click();
    await expect(view.getByRole('menuitem', { name: 'Manual' })).toBeVisible();
    found.push(...(await objections(view, 'help')));
    expect(await view.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(size[0]);
    expect(found).toEqual([]);
    socket.destroy();
    await answer;
    await looking.close();
  });
}
