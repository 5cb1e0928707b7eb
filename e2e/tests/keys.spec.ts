// API keys as someone makes, uses and revokes them; service accounts and their two keys; axe on each of it.
import {
  type APIRequestContext,
  type BrowserContext,
  expect,
  type Page,
  request,
  test,
} from '@playwright/test';
import { forAxe, objections, WIDTHS } from '../lib/axe';
import { House } from '../lib/house';
import { send, setUp } from '../lib/people';

let house: House;
let program: APIRequestContext;

test.beforeAll(async () => {
  house = await House.start();
  program = await request.newContext();
});

test.afterAll(async () => {
  await program?.dispose();
  await house?.stop();
});

async function status(path: string, key: string): Promise<number> {
  const answer = await program.get(`${house.url}/v1/${path}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  return answer.status();
}

/** Done by a program with a key. */
async function by(key: string, path: string, data: object): Promise<unknown> {
  const answer = await program.post(`${house.url}/v1/${path}`, {
    headers: { authorization: `Bearer ${key}` },
    data,
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return await answer.json();
}

async function look(page: Page, name: string): Promise<void> {
  await expect(page.locator('[aria-busy=true]')).toHaveCount(0);
  expect(await objections(page, name)).toEqual([]);
}

async function fill(page: Page, name: string, scopes: string[], networks = ''): Promise<void> {
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
  for (const scope of scopes) await page.getByRole('checkbox', { name: scope }).check();
  if (networks) await page.getByRole('textbox', { name: 'Networks' }).fill(networks);
  await page.getByRole('button', { name: 'Make the key' }).click();
}

async function taken(page: Page): Promise<string> {
  const shown = page.getByRole('textbox', { name: 'API key' });
  await expect(shown).toBeFocused();
  // Shown once: no key closes it by mistake.
  await page.keyboard.press('Escape');
  const key = await shown.inputValue();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('textbox', { name: 'API key' })).toHaveCount(0);
  return key;
}

test('the form of a key offers what the server gives', async ({ browser }) => {
  const strict = await House.start(() => ({ WHEELHOUSE_IDENTITY_API_KEY_DAYS_MAX: '30' }));
  const context = await browser.newContext();
  try {
    await offers(strict, context);
  } finally {
    await context.close();
    await strict.stop();
  }
});

async function offers(strict: House, context: BrowserContext): Promise<void> {
  await setUp(strict, context);
  const account = { name: 'reader', role: 'editor' };
  await send(context.request, 'POST', `${strict.url}/v1/identity/service-accounts`, strict, account);
  const page = await context.newPage();
  await page.goto(`${strict.url}/panels`);
  await page.getByRole('link', { name: 'API keys' }).click();
  await page.getByRole('button', { name: 'New key' }).click();
  const life = page.getByRole('combobox', { name: 'Expires after' });
  await expect(life).toHaveValue('30 days, as usual');
  await life.click();
  await expect(page.getByRole('option')).toHaveText(['30 days, as usual', '7 days']);
  await page.getByRole('option', { name: '7 days' }).click();
  await life.click();
  await page.getByRole('option', { name: 'as usual' }).click();
  await expect(page.getByRole('checkbox', { name: 'identity:tenant' })).toBeVisible();
  await fill(page, 'ci', ['panels:read']);
  await taken(page);

  // An account gets no scope above its role, whatever the role of who makes its key.
  await page.getByRole('button', { name: 'Actions for reader' }).click();
  await page.getByRole('menuitem', { name: 'Keys…' }).click();
  await page.getByRole('dialog', { name: 'Keys of reader' }).getByRole('button', { name: 'New key' }).click();
  const form = page.getByRole('dialog', { name: 'New key of reader' });
  await expect(form.getByRole('checkbox')).toHaveCount(4);
  await expect(form.getByRole('checkbox', { name: 'identity:write' })).toHaveCount(0);
  await fill(page, 'nightly', ['identity:self', 'identity:read', 'panels:read', 'panels:write']);
  await taken(page);
}

test('keys and service accounts', async ({ browser }) => {
  const context = await browser.newContext(forAxe(WIDTHS[0]));
  await setUp(house, context);
  const page = await context.newPage();
  await page.goto(`${house.url}/panels`);
  await page.getByRole('link', { name: 'API keys' }).click();
  await expect(page.getByRole('heading', { name: 'API keys', level: 1 })).toBeVisible();
  await look(page, 'no keys');

  await test.step('a key, shown once', async () => {
    await page.getByRole('button', { name: 'New key' }).click();
    await expect(page.getByRole('dialog', { name: 'New API key' })).toBeVisible();
    await look(page, 'the form');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await expect(page.getByText('Choose at least one')).toBeVisible();
    await fill(page, 'ci', ['identity:read'], '127.0.0.0/8\n::1');
    await expect(page.getByText('It is shown only now')).toBeVisible();
    await look(page, 'the key');
    const key = await taken(page);
    await expect(page.getByRole('button', { name: 'New key' })).toBeFocused();
    expect(key).toMatch(/^whk_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}$/);
    expect(await status('identity/members', key)).toBe(200);
    expect(await status('panels', key)).toBe(403);
    expect(await page.content()).not.toContain(key);

    const row = page.getByRole('row', { name: /\bci\b/ });
    await expect(row).toContainText(key.slice(0, 15));
    await page.reload();
    await expect(row).toContainText('127.0.0.1');
    await look(page, 'with a key');
    await row.getByRole('button', { name: /Revoke/ }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await expect(row).toHaveCount(0);
    expect(await status('identity/members', key)).toBe(401);
  });

  await test.step('a service account with two keys', async () => {
    const name = 'deploy';
    await page.getByRole('button', { name: 'New service account' }).click();
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill(name);
    await look(page, 'the form of an account');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await expect(page.getByRole('button', { name: 'New service account' })).toBeFocused();
    const menu = page.getByRole('button', { name: `Actions for ${name}` });
    await menu.click();
    await page.getByRole('menuitem', { name: 'Keys…' }).click();
    const dialog = page.getByRole('dialog', { name: `Keys of ${name}` });
    const made: string[] = [];
    for (const key of ['old', 'next']) {
      await dialog.getByRole('button', { name: 'New key' }).click();
      await fill(page, key, ['panels:read']);
      made.push(await taken(page));
      await expect(dialog.getByRole('row', { name: new RegExp(key) })).toBeVisible();
    }
    await expect(dialog.getByRole('button', { name: 'New key' })).toHaveAttribute('aria-disabled', 'true');
    await look(page, 'two keys');
    expect(await Promise.all(made.map((key) => status('panels', key)))).toEqual([200, 200]);
    await dialog.getByRole('button', { name: 'Revoke old' }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await expect(dialog.getByRole('row', { name: /next/ })).toBeVisible();
    await expect(dialog.getByRole('row', { name: /old/ })).toHaveCount(0);
    expect(await Promise.all(made.map((key) => status('panels', key)))).toEqual([401, 200]);
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    await expect(menu).toBeFocused();

    await menu.click();
    await page.getByRole('menuitem', { name: 'Disable' }).click();
    const row = page.getByRole('row', { name: new RegExp(name) });
    await expect(row).toContainText('Disabled');
    await look(page, 'a disabled account');
    expect(await status('panels', made[1] as string)).toBe(403);
    await menu.click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('textbox', { name: `Type ${name} to confirm` }).fill(name);
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(row).toHaveCount(0);
    expect(await status('panels', made[1] as string)).toBe(401);
  });

  await test.step('a key that leaked, with what it made', async () => {
    await page.getByRole('button', { name: 'New key' }).click();
    await fill(page, 'leaked', ['identity:read', 'identity:write']);
    const leaked = await taken(page);
    const made: string[] = [];
    for (const name of ['mirror', 'copy']) {
      const account = (await by(leaked, 'identity/service-accounts', { name, role: 'viewer' })) as {
        id: string;
      };
      const path = `identity/service-accounts/${account.id}/api-keys`;
      made.push(
        ((await by(leaked, path, { name: 'kept', scopes: ['identity:read'] })) as { secret: string }).secret,
      );
    }
    const row = page.getByRole('row', { name: /leaked/ });
    await row.getByRole('button', { name: /Revoke/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Revoke leaked?' });
    await expect(dialog).toContainText('It made 2 keys');
    await expect(dialog).toContainText('kept of mirror');
    await look(page, 'what a key made');
    await dialog.getByRole('checkbox', { name: 'Revoke the keys that it made too' }).check();
    await dialog.getByRole('button', { name: 'Revoke', exact: true }).click();
    await expect(page.getByText('2 keys that it made ended with it.')).toBeVisible();
    await expect(row).toHaveCount(0);
    expect(await Promise.all([leaked, ...made].map((key) => status('identity/members', key)))).toEqual([
      401, 401, 401,
    ]);
  });
  await context.close();
});
