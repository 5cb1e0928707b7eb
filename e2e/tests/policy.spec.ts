// The policy of our pages in a real browser: what it forbids does not happen, and the operator hears of it.
import { expect, test } from '@playwright/test';
import { House } from '../lib/house';

let house: House;

test.beforeAll(async () => {
  house = await House.startTls();
});

test.afterAll(async () => {
  await house?.stop();
});

test('what is put into a page does not run or load, and the browser reports it by itself', async ({
  browser,
}) => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${house.url}/sign-in`);
  await expect(page.getByRole('heading').first()).toBeVisible();
  const ran = await page.evaluate(() => {
    const text = 'window.intruded = true';
    const script = document.createElement('script');
    try {
      script.text = text;
    } catch {
      return 'refused by trusted types';
    }
    document.head.append(script);
    return String('intruded' in window);
  });
  expect(['refused by trusted types', 'false']).toContain(ran);
  const image = page.evaluate(async () => {
    const image = document.createElement('img');
    const failed = new Promise((resolve) => image.addEventListener('error', () => resolve('failed')));
    image.src = 'https://127.0.0.1:9/pixel.png';
    document.body.append(image);
    return failed;
  });
  expect(await image).toBe('failed');
  expect(await page.evaluate(() => fetch('https://127.0.0.1:9/').catch(() => 'failed'))).toBe('failed');
  const figures = async () => (await context.request.get(`${house.url}/metrics`)).text();
  await expect.poll(figures, { timeout: 60_000 }).toMatch(/csp_violations_total\{directive="img-src"\} 1/);
  await expect
    .poll(figures, { timeout: 60_000 })
    .toMatch(/csp_violations_total\{directive="connect-src"\} 1/);
  await context.close();
});
