// The command palette, by keyboard alone: finds what there is, runs what one may, asks before danger, shows what came back.
import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, expect, type Page, request, test } from '@playwright/test';
import { forAxe, objections, WIDTHS } from '../lib/axe';
import { House, needed } from '../lib/house';
import { OWNER, send, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

let house: House;
let context: BrowserContext;
let page: Page;
let panel: string;
const complaints: string[] = [];

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext({
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
  });
  await setUp(house, context);
  panel = await create('Flights');
  await create('Airports');
  const lines = readFileSync(needed('WHEELHOUSE_TEST_FLIGHTS'), 'utf8').split('\n').slice(0, 1_001);
  const address = `${house.url}/v1/panels/${panel}/imports?mode=replace&file_name=f.csv`;
  await send(context.request, 'POST', address, house, Buffer.from(`${lines.join('\n')}\n`));
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (401|403|404|409|422)/.test(message.text()))
      complaints.push(message.text());
  });
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

async function create(title: string): Promise<string> {
  return ((await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title })) as { id: string })
    .id;
}

const palette = (at: Page = page) => at.getByRole('dialog', { name: 'Command palette' });
const field = (at: Page = page) => at.getByRole('combobox', { name: 'Search or run' });

async function open(at: Page = page): Promise<void> {
  // A page that is still loading hears no key.
  await expect(at.getByRole('button', { name: 'Search or run a command' })).toBeVisible();
  await at.keyboard.press('Control+k');
  await expect(field(at)).toBeFocused();
}

/** Finds something and chooses the first. */
async function choose(query: string, expected: string | RegExp): Promise<void> {
  await page.keyboard.type(query);
  await expect(palette().getByRole('option', { selected: true })).toHaveText(expected);
  await page.keyboard.press('Enter');
}

test('Ctrl-K opens it, arrows lead through it, Esc gives the focus back', async () => {
  await page.goto(`${house.url}/panels`);
  await expect(page.getByRole('table', { name: 'Panels' })).toContainText('Flights');
  await page.keyboard.press('j');
  await open();
  await expect(palette().getByRole('group', { name: 'Operations' })).toBeVisible();
  const first = await palette().getByRole('option', { selected: true }).textContent();
  await page.keyboard.press('ArrowDown');
  await expect(palette().getByRole('option', { selected: true })).not.toHaveText(first ?? '');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await expect(palette().getByRole('option').last()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Escape');
  await expect(palette()).toHaveCount(0);
  await expect(page.locator('tr:focus')).toHaveCount(1);
  // Also after a press on what takes no focus.
  await open();
  await palette().getByText('Esc', { exact: true }).click();
  await page.keyboard.press('Escape');
  await expect(palette()).toHaveCount(0);
  await expect(page.locator('tr:focus')).toHaveCount(1);
});

test('panels, people and settings are found and opened; the last ones stand first', async () => {
  await open();
  await choose('flig', 'Flights');
  await expect(page).toHaveURL(`${house.url}/panels/${panel}`);
  await open();
  await choose('lovelace', /Ada Lovelace/);
  await expect(page.getByRole('complementary', { name: 'Member' })).toContainText(OWNER.email);
  await open();
  await choose('dark', 'Theme: dark');
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');
  await open();
  await choose('theme system', 'Theme: as the system');
  await open();
  await expect(palette().getByRole('group', { name: 'Recent' }).getByRole('option').first()).toContainText(
    'Ada Lovelace',
  );
  await expect(palette().getByRole('group', { name: 'Recent' })).toContainText('Flights');
  await page.keyboard.press('Escape');
});

test('a change is filled in, sent, and seen on the page behind', async () => {
  await page.goto(`${house.url}/panels/${panel}`);
  await expect(page.getByRole('grid', { name: 'Flights' })).toBeVisible();
  await open();
  await choose('panel_update', /Rename a panel/);
  // The panel on screen is meant.
  await expect(palette().getByRole('combobox', { name: 'Panel' })).toHaveValue('Flights');
  await expect(palette().getByRole('textbox', { name: 'Title' })).toBeFocused();
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByText('Needed')).toBeVisible();
  await page.keyboard.type('Flights of 2013');
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByRole('status')).toContainText('200');
  await expect(palette().getByRole('region', { name: 'Answer' })).toContainText('"title": "Flights of 2013"');
  await palette().getByRole('button', { name: 'Copy as curl' }).click();
  const command = await page.evaluate(() => navigator.clipboard.readText());
  expect(command).toContain(`--request PATCH`);
  expect(command).toContain(`'{"title":"Flights of 2013"}' '${house.url}/v1/panels/${panel}'`);
  // Sent again it is another change, not the answer of the one before.
  for (const title of ['Flights again', 'Flights of 2013']) {
    await palette().getByRole('button', { name: 'Again' }).click();
    await palette().getByRole('textbox', { name: 'Title' }).fill(title);
    await page.keyboard.press('Control+Enter');
    await expect(palette().getByRole('region', { name: 'Answer' })).toContainText(`"title": "${title}"`);
  }
  // Esc leads back step by step: answer, form, list, page.
  await page.keyboard.press('Escape');
  await expect(palette().getByRole('textbox', { name: 'Title' })).toHaveValue('Flights of 2013');
  await page.keyboard.press('Escape');
  await expect(field()).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(palette()).toHaveCount(0);
  await expect(page.getByRole('grid', { name: 'Flights of 2013' })).toBeVisible();
});

test('what the server refuses is said with its code, and nothing that was typed is lost', async () => {
  await open();
  await choose('invitation_create', /Invite/);
  await page.keyboard.type('ada@example.com');
  await palette().getByRole('combobox', { name: 'Role' }).click();
  await page.getByRole('option', { name: 'viewer' }).click();
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByRole('alert')).toContainText('identity.member_exists');
  const email = palette().getByRole('textbox', { name: 'Email' });
  await expect(email).toHaveValue('ada@example.com');
  // Nor by a press beside the palette, nor by the key that leads back.
  await page.mouse.click(10, 600);
  await expect(email).toHaveValue('ada@example.com');
  await email.focus();
  await page.keyboard.press('Escape');
  await expect(palette().getByRole('button', { name: 'Keep editing' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(email).toBeFocused();
  await expect(email).toHaveValue('ada@example.com');
  await page.keyboard.press('Escape');
  await palette().getByRole('button', { name: 'Discard' }).click();
  await expect(field()).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(palette()).toHaveCount(0);
});

test('a question is answered with its rows; numbers are held to their limits', async () => {
  await open();
  await choose('row_list', /Get a window/);
  await palette().getByText('6 optional fields').click();
  await palette().getByRole('textbox', { name: 'Limit' }).fill('2000');
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByText('At most 1000')).toBeVisible();
  await palette().getByRole('textbox', { name: 'Limit' }).fill('3');
  await palette().getByRole('textbox', { name: 'Columns' }).fill('carrier');
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByRole('region', { name: 'Answer' })).toContainText('"total": 1000');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
});

test('a file is sent by the palette', async () => {
  await open();
  await choose('import_create', /Import a file into a panel/);
  await palette().getByRole('combobox', { name: 'Mode' }).click();
  await page.getByRole('option', { name: 'append' }).click();
  await page
    .locator('input[type=file]')
    .last()
    .setInputFiles({
      name: 'one.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(
        `${readFileSync(needed('WHEELHOUSE_TEST_FLIGHTS'), 'utf8').split('\n').slice(0, 2).join('\n')}\n`,
      ),
    });
  await palette().getByRole('button', { name: 'Run' }).click();
  await expect(palette().getByRole('status')).toContainText('201');
  await expect(page.getByText('1,001 rows', { exact: true })).toBeVisible();
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
});

test('danger names what is lost and how many, and wants the name typed', async () => {
  await open();
  await choose('panel_delete', /Delete a panel/);
  await palette().getByRole('button', { name: 'Go on…' }).click();
  await expect(palette()).toContainText('There is no undo');
  await expect(palette().getByRole('definition').filter({ hasText: '1,001' })).toBeVisible();
  await expect(palette().getByRole('button', { name: 'Delete', exact: true })).toBeDisabled();
  await page.keyboard.press('Escape');
  await expect(palette().getByRole('combobox', { name: 'Panel' })).toHaveValue('Flights of 2013');
  await palette().getByRole('combobox', { name: 'Panel' }).click();
  await page.getByRole('option', { name: 'Airports' }).click();
  await palette().getByRole('button', { name: 'Go on…' }).click();
  await expect(palette().getByRole('textbox', { name: /Airports/ })).toBeFocused();
  await page.keyboard.type('Airports');
  await expect(palette().getByRole('button', { name: 'Delete', exact: true })).toBeEnabled();
  await page.keyboard.press('Enter');
  await expect(palette().getByRole('status')).toContainText('204');
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
  await page.goto(`${house.url}/panels`);
  await expect(page.getByRole('table', { name: 'Panels' })).not.toContainText('Airports');
});

/** A combobox of the form: opened, something typed, an option taken. */
async function pick(name: string, option: string, typed = ''): Promise<void> {
  await palette().getByRole('combobox', { name, exact: true }).click();
  if (typed) await page.keyboard.type(typed);
  await page.getByRole('option', { name: option, exact: true }).click();
  await expect(palette().getByRole('combobox', { name, exact: true })).toHaveValue(option);
}

/** A fact of what is about to be lost. */
const fact = (name: string) =>
  palette()
    .locator('dl > div')
    .filter({ has: page.getByText(name, { exact: true }) })
    .getByRole('definition');

test("a key of a service account is picked from that account's keys, and what it made is counted", async () => {
  const identity = `${house.url}/v1/identity`;
  type Made = { id: string; secret: string };
  const make = async (path: string, data: object) =>
    (await send(context.request, 'POST', `${identity}/${path}`, house, data)) as Made;
  const scopes = ['panels:read', 'identity:write'];
  const mine = await make('api-keys', { name: 'reports', scopes });
  const accounts: Record<string, { id: string; key: Made }> = {};
  for (const [name, key] of [
    ['deploy', 'nightly'],
    ['builds', 'reports'],
    ['mirror', 'first'],
  ] as const) {
    const { id } = await make('service-accounts', { name, role: 'admin' });
    accounts[name] = { id, key: await make(`service-accounts/${id}/api-keys`, { name: key, scopes }) };
  }
  const program = await request.newContext();
  const by = (key: Made | undefined) => ({ headers: { authorization: `Bearer ${key?.secret}` } });
  const next = { ...by(accounts['deploy']?.key), data: { name: 'made', scopes: ['panels:read'] } };
  const made = await program.post(`${identity}/service-accounts/${accounts['mirror']?.id}/api-keys`, next);
  expect(made.status(), await made.text()).toBe(201);

  await page.goto(`${house.url}/panels`);
  await open();
  await choose('service_account_key_revoke', /Revoke an API key of a service account/);
  const key = palette().getByRole('combobox', { name: 'Api key', exact: true });
  await key.click();
  await expect(page.getByText('Choose first what it belongs to')).toBeVisible();
  await page.keyboard.press('Tab');
  await pick('Account', 'deploy');
  await key.click();
  await expect(page.getByRole('option')).toHaveText(['nightly']);
  await page.getByRole('option', { name: 'nightly' }).click();
  // Another account has other keys: what was chosen before is not meant any more.
  await pick('Account', 'builds');
  await expect(key).toHaveValue('');
  await key.click();
  await expect(page.getByRole('option')).toHaveText(['reports']);
  await page.getByRole('option', { name: 'reports' }).click();
  await pick('Account', 'deploy');
  await pick('Api key', 'nightly');
  await palette().getByRole('button', { name: 'Go on…' }).click();
  await expect(palette()).toContainText('There is no undo');
  await expect(fact('made keys')).toHaveText('1');
  await expect(fact('scopes')).toHaveText('2');
  await palette()
    .getByRole('textbox', { name: /nightly/ })
    .fill('nightly');
  await page.keyboard.press('Enter');
  await expect(palette().getByRole('status')).toContainText('200');
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
  const answers = [accounts['deploy']?.key, accounts['builds']?.key, mine].map(async (one) =>
    (await program.get(`${house.url}/v1/panels`, by(one))).status(),
  );
  expect(await Promise.all(answers)).toEqual([401, 200, 200]);

  // Of an account its list tells how many keys end.
  await open();
  await choose('service_account_delete', /Delete a service account/);
  await pick('Account', 'mirror');
  await palette().getByRole('button', { name: 'Go on…' }).click();
  await expect(fact('keys')).toHaveText('2');
  await palette()
    .getByRole('textbox', { name: /mirror/ })
    .fill('mirror');
  await page.keyboard.press('Enter');
  await expect(palette().getByRole('status')).toContainText('204');
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
  await program.dispose();
});

test('the operator sets the limits of a company that they do not belong to', async ({ browser }) => {
  const carl = { name: 'Carl Founder', email: 'carl@example.com', password: 'quiet-lagoon-pencil-83' };
  const invited = { email: carl.email, role: 'owner' };
  const made = await send(context.request, 'POST', `${house.url}/v1/identity/invitations`, house, invited);
  const theirs = await browser.newContext();
  const accepted = { token: (made as { token: string }).token, name: carl.name, password: carl.password };
  await send(theirs.request, 'POST', `${house.url}/v1/identity/invitations/accept`, house, accepted);
  const founded = await send(theirs.request, 'POST', `${house.url}/v1/identity/tenants`, house, {
    name: 'Foundry',
  });
  const { id } = founded as { id: string };
  await theirs.close();

  await page.goto(`${house.url}/panels`);
  await open();
  await choose('company_limits_set', /Set the limits of a company/);
  await pick('Company', 'Foundry', 'found');
  await palette().getByText('4 optional fields').click();
  await palette().getByRole('textbox', { name: 'Panels' }).fill('7');
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByRole('status')).toContainText('200');
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
  const limits = `${house.url}/v1/system/companies/${id}/limits`;
  expect(await (await context.request.get(limits)).json()).toMatchObject({ panels: 7 });
});

test('what is typed is looked for by the server, so that the last of many can be picked', async () => {
  for (let from = 0; from < 205; from += 41)
    await Promise.all(
      Array.from({ length: 41 }, (_, at) => create(`Many ${String(from + at).padStart(3, '0')}`)),
    );
  await create('Zeppelins');
  await page.goto(`${house.url}/panels`);
  await open();
  await choose('panel_get', /Get a panel/);
  await pick('Panel', 'Zeppelins', 'zepp');
  await page.keyboard.press('Control+Enter');
  await expect(palette().getByRole('region', { name: 'Answer' })).toContainText('"title": "Zeppelins"');
  // Back in the form it is still what was chosen, also while something else is looked for.
  await page.keyboard.press('Escape');
  const panels = palette().getByRole('combobox', { name: 'Panel' });
  await expect(panels).toHaveValue('Zeppelins');
  await panels.fill('flights');
  await expect(page.getByRole('option')).toHaveText(['Flights of 2013']);
  await expect(panels).toHaveValue('flights');
  await page.keyboard.press('Tab');
  await expect(panels).toHaveValue('Zeppelins');
  for (let i = 0; i < 2; i += 1) await page.keyboard.press('Escape');
  await expect(palette()).toHaveCount(0);
});

test('a number of 64 bits is shown and copied with all its digits', async () => {
  const ids = await create('Ids');
  const address = `${house.url}/v1/panels/${ids}/imports?mode=replace&file_name=f.csv`;
  await send(context.request, 'POST', address, house, Buffer.from('id\n9007199254740993\n'));
  await page.goto(`${house.url}/panels/${ids}`);
  await expect(page.getByRole('grid', { name: 'Ids' })).toBeVisible();
  await open();
  await choose('row_list', /Get a window/);
  await page.keyboard.press('Control+Enter');
  // A number as it was, not a text of its digits.
  const whole = /[^"\d]9007199254740993[^"\d]/;
  await expect(palette().getByRole('region', { name: 'Answer' })).toContainText(whole);
  await palette().getByRole('button', { name: 'Copy answer' }).click();
  await expect(page.getByText('Answer copied')).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(whole);
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Escape');
});

test('who may less is offered less', async ({ browser }) => {
  const viewer = await someViewer(browser);
  await open(viewer);
  await viewer.keyboard.type('panel');
  await expect(palette(viewer).getByRole('option', { name: /List panels/ })).toBeVisible();
  await expect(palette(viewer).getByRole('option', { name: /Delete a panel/ })).toHaveCount(0);
  await field(viewer).fill('Import a file');
  await expect(palette(viewer).getByRole('option', { name: /Import a file/ })).toHaveCount(0);
  await viewer.context().close();
});

async function someViewer(browser: Browser): Promise<Page> {
  const invited = { email: 'bob@example.com', role: 'viewer' };
  const made = await send(context.request, 'POST', `${house.url}/v1/identity/invitations`, house, invited);
  const theirs = await browser.newContext();
  const { token } = made as { token: string };
  const accepted = { token, name: 'Bob Viewer', password: 'thimble-comet-harbour-92' };
  await send(theirs.request, 'POST', `${house.url}/v1/identity/invitations/accept`, house, accepted);
  const their = await theirs.newPage();
  await their.goto(`${house.url}/panels`);
  await expect(their.getByRole('table', { name: 'Panels' })).toBeVisible();
  return their;
}

for (const size of WIDTHS) {
  test(`${size[0]} px: axe has nothing to object to, in both themes`, async ({ browser }) => {
    const own = await browser.newContext({ ...forAxe(size), storageState: await context.storageState() });
    const at = await own.newPage();
    const found: string[] = [];
    const look = async (name: string) => {
      await expect(palette(at).locator('[aria-busy=true]')).toHaveCount(0);
      found.push(...(await objections(at, name)));
    };
    await at.goto(`${house.url}/panels/${panel}?cols=month,origin`);
    await expect(at.getByRole('grid')).toBeVisible();
    await open(at);
    await expect(palette(at).getByRole('group', { name: 'Operations' })).toBeVisible();
    await look('list');
    await field(at).fill('zzzz');
    await expect(palette(at)).toContainText('Nothing is called');
    await look('nothing');
    for (const id of ['import_create', 'row_list', 'password_change']) {
      await field(at).fill(id);
      await at.keyboard.press('Enter');
      await expect(palette(at).getByRole('heading')).toBeVisible();
      await look(id);
      if (id === 'row_list') {
        await at.keyboard.press('Control+Enter');
        await expect(palette(at).getByRole('region', { name: 'Answer' })).toBeVisible();
        await look('answer');
        await at.keyboard.press('Escape');
      }
      await expect(palette(at).getByRole('button', { name: 'Run' })).toBeVisible();
      await at.keyboard.press('Escape');
    }
    await field(at).fill('panel_delete');
    await at.keyboard.press('Enter');
    await palette(at).getByRole('button', { name: 'Go on…' }).click();
    await expect(palette(at)).toContainText('to confirm');
    await look('danger');
    await own.close();
    expect(found).toEqual([]);
  });
}

test('no browser complained on the way', () => {
  expect(complaints).toEqual([]);
});
