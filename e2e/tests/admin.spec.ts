// The operator's page: what it shows, what it changes, who does not see it; and axe in both themes at both widths.
import { type BrowserContext, expect, test } from '@playwright/test';
import { forAxe, objections, spills, WIDTHS } from '../lib/axe';
import { House } from '../lib/house';
import { COMPANY, send, setUp } from '../lib/people';

let house: House;
let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>;
const VIEWER = { name: 'Vic', password: 'granite-otter-lantern-48' };

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  const context = await browser.newContext();
  await setUp(house, context);
  await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title: 'Flights' });
  await send(context.request, 'POST', `${house.url}/v1/identity/tenants`, house, {
    name: 'Difference Engines',
  });
  signedIn = await context.storageState();
  await context.close();
});

test.afterAll(async () => {
  await house?.stop();
});

test('the operator sees how the installation is and changes the log', async ({ browser }) => {
  const context = await browser.newContext({ storageState: signedIn });
  const page = await context.newPage();
  await page.goto(`${house.url}/panels`);
  await page.getByRole('link', { name: 'Installation' }).click();
  await expect(page).toHaveURL(/\/admin$/);
  await expect(page.getByText('Everything that is needed answers.')).toBeVisible();
  const components = page.getByRole('table', { name: 'Components' });
  for (const name of ['database', 'object_store', 'delivery']) {
    await expect(components.getByRole('row', { name: new RegExp(name) })).toContainText('up');
  }
  const nodes = page.getByRole('table', { name: 'Nodes' }).getByRole('row');
  await expect(nodes).toHaveCount(2);
  await expect(nodes.last()).toContainText('answers this page');
  await expect(nodes.last()).toContainText(house.url);
  // What is of one node alone says of which.
  const listed = await context.request.get(`${house.url}/v1/system/nodes`);
  const { items } = (await listed.json()) as { items: { id: string; host: string }[] };
  const name = `${items[0]?.host} ${items[0]?.id.slice(-6)}`;
  for (const section of ['Components', 'Slow statements']) {
    await expect(page.getByRole('region', { name: section })).toContainText(name);
  }
  const companies = page.getByRole('table', { name: 'Companies' });
  await expect(companies.getByRole('row', { name: new RegExp(COMPANY) })).toContainText('1 of 10,000');
  await expect(companies.getByRole('row', { name: /Difference Engines/ })).toBeVisible();
  await expect(page.getByText('Nothing is parked')).toBeVisible();

  await page.getByRole('button', { name: 'Log level: info' }).click();
  await expect(page.getByRole('menu')).toContainText(`Of ${name}, until it ends`);
  await page.getByRole('menuitem', { name: 'debug' }).click();
  await expect(page.getByRole('button', { name: 'Log level: debug' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Log level: debug' })).toBeVisible();
  await context.close();
});

test('a node that is not heard of is marked, and the one that answers', async ({ browser }) => {
  const context = await browser.newContext({ ...forAxe(WIDTHS[1]), storageState: signedIn });
  const page = await context.newPage();
  // One machine has one process: the others are those of a PostgreSQL.
  await page.route('**/v1/system/nodes', async (route) => {
    const answer = await route.fetch();
    const { items } = (await answer.json()) as { items: Record<string, unknown>[] };
    const other = (id: string, more: object) => ({ ...items[0], id, answering: false, ...more });
    const seen_at = new Date(Date.now() - 5 * 60_000).toISOString();
    const all = [
      ...items,
      other('01990000-0000-7000-8000-0000000000aa', { host: 'node-a' }),
      other('01990000-0000-7000-8000-0000000000bb', { host: 'node-b', state: 'silent', seen_at }),
    ];
    await route.fulfill({ response: answer, json: { items: all } });
  });
  await page.goto(`${house.url}/admin`);
  const rows = page.getByRole('table', { name: 'Nodes' }).getByRole('row');
  await expect(rows).toHaveCount(4);
  await expect(rows.filter({ hasText: 'answers this page' })).toHaveCount(1);
  await expect(rows.nth(1)).toContainText('answers this page');
  const [up, silent] = [rows.filter({ hasText: 'node-a' }), rows.filter({ hasText: 'node-b' })];
  await expect(up).toContainText('up');
  await expect(up).not.toContainText('heard');
  await expect(silent).toContainText('silent');
  await expect(silent).toContainText(/last heard 5 min/);
  // Nobody knows what it uses now.
  await expect(silent).toContainText('–');
  await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
  expect([...(await spills(page, 'nodes')), ...(await objections(page, 'nodes'))]).toEqual([]);
  await context.close();
});

test('the operator sees which restore was proven last', async ({ browser }) => {
  const context = await browser.newContext({ storageState: signedIn });
  const page = await context.newPage();
  await page.goto(`${house.url}/admin`);
  const backups = page.getByRole('region', { name: 'Backups' });
  await expect(backups.getByText('The server makes no backups by itself')).toBeVisible();
  const last = backups.locator('div').filter({ has: page.getByText('Last proven restore', { exact: true }) });
  await expect(last.last()).toContainText('never');
  const place = ['--target', house.beside('backups'), '--key-file', house.beside('backup.key')];
  house.command('backup', 'key', house.beside('backup.key'));
  house.command('backup', 'create', ...place);
  expect(house.command('backup', 'verify', ...place)).toContain('is whole');
  await expect(last.last()).not.toContainText('never');
  await expect(backups.getByText(/rows, 0 objects, .* in /)).toBeVisible();
  await context.close();
});

test('the operator limits a company, which sees it, is refused, and is given room again', async ({
  browser,
}) => {
  const context = await browser.newContext({
    storageState: signedIn,
    reducedMotion: 'reduce',
    bypassCSP: true,
  });
  const page = await context.newPage();
  await page.goto(`${house.url}/admin`);
  const row = page.getByRole('table', { name: 'Companies' }).getByRole('row', { name: new RegExp(COMPANY) });
  await row.getByRole('button', { name: `Limits of ${COMPANY}` }).click();
  const dialog = page.getByRole('dialog', { name: `Limits of ${COMPANY}` });
  await dialog.getByLabel('Requests a minute').fill('30');
  await dialog.getByLabel('Panels').fill('1');
  await dialog.getByLabel('Storage').fill('2.5');
  await dialog.getByRole('button', { name: 'Set the limits' }).click();
  await expect(dialog.getByText('Write a whole number from 60 to 500,000,000, or nothing')).toBeVisible();
  for (const [label, typed] of [
    ['Requests a minute', '1e9'],
    ['Panels', '1.5'],
    ['Members', '-5'],
    ['Storage', '-5'],
    ['Storage', '99999999999999'],
  ] as const) {
    const field = dialog.getByLabel(label);
    const before = await field.inputValue();
    await field.fill(typed);
    await dialog.getByRole('button', { name: 'Set the limits' }).click();
    await expect(field).toHaveAttribute('aria-invalid', 'true');
    await expect(field).toHaveValue(typed);
    await field.fill(before);
  }
  for (const label of ['Requests a minute', 'Panels', 'Storage']) await dialog.getByLabel(label).fill('');
  await dialog.getByRole('button', { name: 'Set the limits' }).click();
  await expect(dialog.getByText('Every field is empty')).toBeVisible();
  await dialog.getByLabel('Panels').fill('1');
  await dialog.getByLabel('Storage').fill('2.5');
  await dialog.getByRole('button', { name: 'Set the limits' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(row).toContainText('1 of 1');
  await expect(row).toContainText('of 2.5 GB');

  const refused = await context.request.post(`${house.url}/v1/panels`, {
    headers: { origin: house.url },
    data: { title: 'One too many' },
  });
  expect(refused.status()).toBe(409);
  const problem = (await refused.json()) as { code: string; detail: string };
  expect(problem.code).toBe('panels.limit');
  expect(problem.detail).toContain('the operator of the installation can raise the limit');

  await page.getByRole('link', { name: 'Usage' }).click();
  await expect(page).toHaveURL(/\/settings\/usage$/);
  const panels = page
    .getByRole('table', { name: 'Usage' })
    .getByRole('row', { name: /Panels/ })
    .first();
  await expect(panels).toContainText('limit reached');
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  const tag = await panels.getByText('limit reached').boundingBox();
  const used = await panels.getByRole('cell').nth(1).boundingBox();
  expect(tag !== null && used !== null && tag.x + tag.width <= used.x, 'nothing lies over the numbers').toBe(
    true,
  );
  if (wide) await page.setViewportSize(wide);
  await expect(page.getByRole('row', { name: /Storage/ })).toContainText('2.5 GB');
  expect(await objections(page, 'usage')).toEqual([]);

  await page.getByRole('link', { name: 'Installation' }).click();
  await row.getByRole('button', { name: `Limits of ${COMPANY}` }).click();
  await dialog.getByRole('button', { name: 'Remove the limits' }).click();
  await expect(dialog).toHaveCount(0);
  await expect(row).toContainText('1 of 10,000');
  await context.close();
});

test('nobody else finds it', async ({ browser }) => {
  const owner = await browser.newContext({ storageState: signedIn });
  const invited = await send(owner.request, 'POST', `${house.url}/v1/identity/invitations`, house, {
    email: 'vic@example.com',
    role: 'admin',
  });
  const { token } = invited as { token: string };
  await owner.close();
  const context = await browser.newContext();
  await send(context.request, 'POST', `${house.url}/v1/identity/invitations/accept`, house, {
    token,
    ...VIEWER,
  });
  const page = await context.newPage();
  await page.goto(`${house.url}/admin`);
  await expect(page.getByText('This page is for the owners of the company that operates')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Installation' })).toHaveCount(0);
  await context.close();
});

for (const size of WIDTHS) {
  test(`${size[0]} px: axe has nothing to object to, in both themes`, async ({ browser }) => {
    const context = await browser.newContext({ ...forAxe(size), storageState: signedIn });
    const page = await context.newPage();
    await page.goto(`${house.url}/admin`);
    await expect(page.getByRole('table', { name: 'Companies' }).getByRole('row')).toHaveCount(3);
    await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
    expect([...(await spills(page, 'admin')), ...(await objections(page, 'admin'))]).toEqual([]);
    await context.close();
  });
}
