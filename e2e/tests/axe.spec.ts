// Every page and every open dialog, in both themes and at both widths: nothing that axe objects to.
import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, test as base, expect, type Page } from '@playwright/test';
import { forAxe, objections, spills, WIDTHS } from '../lib/axe';
import { House, needed } from '../lib/house';
import { send, setUp } from '../lib/people';

const SAMPLE_LINES = 3_000;
/** In so many parts for each width: workers share evenly what takes longest. */
const PARTS = 4;

let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>;
let panel: string;
let empty: string;
let invitation: string;

/** One for each worker, whichever parts it looks at: a hook of the file would bind the parts together. */
const test = base.extend<object, { house: House }>({
  house: [
    async ({ browser }, use) => {
      const house = await House.start();
      try {
        await furnish(house, browser);
        await use(house);
      } finally {
        await house.stop();
      }
    },
    { scope: 'worker' },
  ],
});

test.describe.configure({ mode: 'parallel' });

async function furnish(house: House, browser: Browser): Promise<void> {
  const context = await browser.newContext();
  await setUp(house, context);
  const create = async (title: string) => {
    const made = await send(context.request, 'POST', `${house.url}/v1/panels`, house, { title });
    return (made as { id: string }).id;
  };
  panel = await create('Flights');
  empty = await create('Empty');
  const lines = readFileSync(needed('WHEELHOUSE_TEST_FLIGHTS'), 'utf8').split('\n').slice(0, SAMPLE_LINES);
  const file = Buffer.from(`${lines.join('\n')}\nbroken\n`);
  await send(
    context.request,
    'POST',
    `${house.url}/v1/panels/${panel}/imports?mode=replace&file_name=f.csv`,
    house,
    file,
  );
  const invited = { email: 'bob@example.com', role: 'viewer' };
  const made = await send(context.request, 'POST', `${house.url}/v1/identity/invitations`, house, invited);
  invitation = (made as { token: string }).token;
  signedIn = await context.storageState();
  await context.close();
}

interface Stop {
  name: string;
  path: () => string;
  /** Without a session. */
  outside?: true;
  /** Opens what is to be looked at. */
  open?: (page: Page) => Promise<void>;
}

const opened = (page: Page) => page.locator('[role=menu], [role=dialog]');
const press = (name: string | RegExp) => async (page: Page) => {
  await page.getByRole('button', { name }).first().click();
  await expect(opened(page).first()).toBeVisible();
};

/** Behind an open panel the grid is the same as ever: fewer cells to look at. */
const FEW = 'cols=month,origin,dep_delay,carrier';

const stops: Stop[] = [
  { name: 'setup, done', path: () => '/setup', outside: true },
  { name: 'sign-in', path: () => '/sign-in', outside: true },
  {
    name: 'sign-in, refused',
    path: () => '/sign-in',
    outside: true,
    open: async (page) => {
      await page.getByLabel('E-mail').fill('nobody@example.com');
      await page.getByRole('textbox', { name: 'Password' }).fill('not the password');
      await page.keyboard.press('Enter');
      await expect(page.getByRole('alert')).toBeVisible();
    },
  },
  { name: 'invitation', path: () => `/invite#${invitation}`, outside: true },
  { name: 'invitation, unknown', path: () => '/invite#nothing', outside: true },
  { name: 'panels', path: () => '/panels' },
  { name: 'panel menu', path: () => '/panels', open: press('Actions for Flights') },
  {
    name: 'panel, to delete',
    path: () => '/panels',
    open: async (page) => {
      await page.getByRole('button', { name: 'Actions for Flights' }).click();
      await page.getByRole('menuitem', { name: /Delete/ }).click();
      await expect(page.getByRole('dialog', { name: 'Delete Flights?' })).toBeVisible();
    },
  },
  { name: 'user menu', path: () => '/panels', open: press(/User menu/) },
  {
    name: 'shortcuts',
    path: () => '/panels',
    open: async (page) => {
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeVisible();
    },
  },
  { name: 'panels, none found', path: () => '/panels?q=zzz' },
  { name: 'import, file', path: () => '/panels/new' },
  {
    name: 'import, check',
    path: () => '/panels/new',
    open: async (page) => {
      await page.locator('input[type=file]').setInputFiles({
        name: 'mixed.csv',
        mimeType: 'text/csv',
        buffer: Buffer.from(`day;amount;note\n${'2026-01-31;12,5;fine\n'.repeat(20)}2026-02-31;x\n;;\n`),
      });
      await expect(page.getByRole('region', { name: 'The first rows' })).toBeVisible();
    },
  },
  { name: 'import, into a panel', path: () => `/panels/${panel}/import?mode=append` },
  { name: 'grid', path: () => `/panels/${panel}` },
  {
    name: 'grid, filtered and sorted',
    path: () =>
      `/panels/${panel}?filter=month.eq(1),any(origin.eq(JFK),dep_delay.gt(30))&sort=-dep_delay,carrier&pin=carrier&row=7`,
  },
  { name: 'grid, nothing matches', path: () => `/panels/${panel}?q=zzzzzz` },
  { name: 'grid, row in the drawer', path: () => `/panels/${panel}?${FEW}&row=7&open=row` },
  { name: 'grid, not applied', path: () => `/panels/${panel}?${FEW}&filter=month.eq(x)&sort=nosuch` },
  {
    name: 'grid, filter',
    path: () => `/panels/${panel}?${FEW}&filter=month.between(1,2)`,
    open: press(/^Filter/),
  },
  { name: 'grid, sort', path: () => `/panels/${panel}?${FEW}&sort=month`, open: press(/^Sort/) },
  { name: 'grid, columns', path: () => `/panels/${panel}?${FEW}`, open: press(/^Columns/) },
  {
    name: 'grid, column menu',
    path: () => `/panels/${panel}?${FEW}`,
    open: async (page) => {
      await page.getByRole('columnheader', { name: /^month/ }).click({ button: 'right' });
      await expect(page.getByRole('menuitem', { name: 'Sort ascending' })).toBeVisible();
    },
  },
  {
    name: 'grid, past imports',
    path: () => `/panels/${panel}?${FEW}`,
    open: async (page) => {
      await page.getByRole('button', { name: 'Import' }).click();
      await page.getByRole('menuitem', { name: 'Past imports' }).click();
      await expect(page.getByRole('table', { name: 'Imports' })).toBeVisible();
      await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
    },
  },
  { name: 'panel without rows', path: () => `/panels/${empty}` },
  { name: 'members', path: () => '/people/members' },
  { name: 'members, role', path: () => '/people/members', open: press(/^Role of/) },
  { name: 'members, invite', path: () => '/people/members', open: press('Invite') },
  {
    name: 'member in the drawer',
    path: () => '/people/members',
    open: async (page) => {
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await expect(page.getByRole('heading', { name: 'Ada Lovelace' })).toBeVisible();
    },
  },
  { name: 'sessions', path: () => '/settings/sessions' },
  {
    name: 'session in the drawer',
    path: () => '/settings/sessions',
    open: async (page) => {
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await expect(page.getByText('State', { exact: true })).toBeVisible();
    },
  },
  { name: 'API keys', path: () => '/settings/api-keys' },
  { name: 'API keys, new', path: () => '/settings/api-keys', open: press('New key') },
  {
    name: 'API keys, new service account',
    path: () => '/settings/api-keys',
    open: press('New service account'),
  },
  { name: 'password', path: () => '/settings/password' },
  { name: 'usage', path: () => '/settings/usage' },
  { name: 'limits', path: () => '/admin', open: press(/^Limits of/) },
  { name: 'command line', path: () => `/cli-login?challenge=${'v'.repeat(43)}&port=40000&state=s` },
  {
    name: 'command line, refused',
    path: () => `/cli-login?challenge=${'v'.repeat(43)}&port=40000&state=${'s'.repeat(200)}`,
    open: async (page) => {
      await page.getByRole('button', { name: 'Let it in' }).click();
      await expect(page.getByRole('alert')).toBeVisible();
    },
  },
  { name: 'command line, half a link', path: () => '/cli-login?challenge=short' },
  { name: 'not found', path: () => '/nothing/here' },
  { name: 'panel that is not there', path: () => '/panels/01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11' },
];

for (const size of WIDTHS) {
  for (let part = 0; part < PARTS; part += 1) {
    const from = Math.round((part * stops.length) / PARTS);
    const to = Math.round(((part + 1) * stops.length) / PARTS);
    const names = `${stops[from]?.name} to ${stops[to - 1]?.name}`;
    test(`${size[0]} px, ${names}: axe has nothing to object to, in both themes`, async ({
      browser,
      house,
    }) => {
      expect(await look(browser, house, size, stops.slice(from, to))).toEqual([]);
    });
  }
}

async function look(
  browser: Browser,
  house: House,
  size: (typeof WIDTHS)[number],
  at: readonly Stop[],
): Promise<string[]> {
  const make = (session: typeof signedIn | undefined) =>
    browser.newContext({ ...forAxe(size), ...(session ? { storageState: session } : {}) });
  const [inside, outside] = [await make(signedIn), await make(undefined)];
  const pages = { inside: await inside.newPage(), outside: await outside.newPage() };
  const found: string[] = [];
  let before = '';
  for (const stop of at) {
    const page = stop.outside ? pages.outside : pages.inside;
    await test.step(stop.name, async () => {
      const path = stop.path();
      if (path === before) {
        // Still there: what the stop before opened is closed, as far as it is something that closes.
        if (await opened(page).count()) await opened(page).first().press('Escape');
        await expect(opened(page)).toHaveCount(0);
      } else {
        // A change behind # alone loads nothing.
        if (path.includes('#')) await page.goto('about:blank');
        await page.goto(house.url + path);
        await expect(page.getByRole('heading').first()).toBeAttached();
      }
      before = path;
      await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
      await stop.open?.(page);
      found.push(...(await spills(page, stop.name)), ...(await objections(page, stop.name)));
    });
  }
  await inside.close();
  await outside.close();
  return found;
}
