// The command line signs in by a browser: its page shows the code of the terminal, lets it in at a click, and the terminal goes on.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type BrowserContext, expect, type Page, test } from '@playwright/test';
import { House, needed } from '../lib/house';
import { COMPANY, OWNER, setUp } from '../lib/people';

let house: House;
let signedIn: Awaited<ReturnType<BrowserContext['storageState']>>;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  const context = await browser.newContext();
  await setUp(house, context);
  signedIn = await context.storageState();
  await context.close();
});

test.afterAll(async () => {
  await house?.stop();
});

/** A home of its own for each command line; `true` stands for a browser that the test itself is. */
const shell = (home: string) => ({
  ...process.env,
  NO_COLOR: '1',
  HOME: house.beside(home),
  XDG_CONFIG_HOME: house.beside(home),
  BROWSER: 'true',
});

/** `wheelhouse login --browser`: the code and the link that it prints, and how it ends. */
async function login(home: string) {
  const child = spawn(needed('WHEELHOUSE_TEST_BINARY'), ['login', house.url, '--browser'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: shell(home),
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const said: string[] = [];
  const link = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      said.push(line);
      const found = /http\S+\/cli-login\?\S+/.exec(line)?.[0];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}:\n${said.join('\n')}`)));
  });
  const word = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(said.join('\n'))?.[0] ?? 'none';
  return { word, link, ended, said, stop: () => child.kill() };
}

const ask = (home: string, ...words: string[]) =>
  spawnSync(needed('WHEELHOUSE_TEST_BINARY'), words, { env: shell(home), encoding: 'utf8' });

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('E-mail').fill(OWNER.email);
  await page.getByRole('textbox', { name: 'Password' }).fill(OWNER.password);
  await page.keyboard.press('Enter');
}

test('a browser lets the command line in, and takes it back', async ({ browser }) => {
  const asked = await login('first');
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    // Nobody is signed in yet: first that, then back to the question.
    await page.goto(asked.link);
    await signIn(page);
    await expect(page.getByRole('heading', { name: 'Let the command line in?' })).toBeVisible();
    await expect(page.getByTestId('cli-login-word')).toHaveText(asked.word);
    const main = page.getByRole('main');
    await expect(main).toContainText(OWNER.email);
    await expect(main).toContainText(`${COMPANY}, as owner`);
    await expect(main).toContainText(`127.0.0.1:${new URL(asked.link).searchParams.get('port')}`);
    await page.getByRole('button', { name: 'Let it in' }).click();
    await expect(page.getByText('You can close this page')).toBeVisible();
    expect(new URL(page.url()).hostname).toBe('127.0.0.1');
    expect(await asked.ended, asked.said.join('\n')).toBe(0);
    const me = ask('first', 'me', 'get', '--json');
    expect(JSON.parse(me.stdout).user.email, me.stderr).toBe(OWNER.email);

    await page.goto(`${house.url}/settings/sessions`);
    const row = page.getByRole('row', { name: /wheelhouse-cli/ });
    await row.getByRole('button', { name: 'End' }).click();
    await expect(row).toHaveCount(0);
    expect(ask('first', 'me', 'get').status).toBe(3);
  } finally {
    asked.stop();
    await context.close();
  }
});

test('a link that is not whole is said to be none, and nothing can be clicked', async ({ browser }) => {
  const context = await browser.newContext({ storageState: signedIn });
  const page = await context.newPage();
  await page.goto(`${house.url}/cli-login?challenge=short&port=40000&state=s`);
  await expect(page.getByText('This link is not whole')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Let it in' })).toHaveCount(0);
  await context.close();
});
