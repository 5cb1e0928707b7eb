// Columns as someone sets them: width by keys, pointer and menu; place by the pointer; pins on a narrow screen; what is far copied too.
import { type BrowserContext, expect, type Locator, type Page, test } from '@playwright/test';
import { House } from '../lib/house';
import { makePanel, setUp } from '../lib/people';

test.describe.configure({ mode: 'serial' });

/** More than a few windows of rows. */
const ROWS = 1_200;
const NAMES = Array.from({ length: 10 }, (_, index) => `c${String(index + 1).padStart(2, '0')}`);

let house: House;
let context: BrowserContext;
let page: Page;
let panel: string;

test.beforeAll(async ({ browser }) => {
  house = await House.start();
  context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  await setUp(house, context);
  const lines = Array.from({ length: ROWS }, (_, row) => NAMES.map((name) => `${name} ${row + 1}`).join(','));
  panel = await makePanel(house, context, 'Wide', `${NAMES.join(',')}\n${lines.join('\n')}\n`);
  page = await context.newPage();
});

test.afterAll(async () => {
  await context?.close();
  await house?.stop();
});

const cell = (row: number, column: number): Locator => page.locator(`[data-cell="${row}:${column}"]`);
const head = (column: number): Locator => cell(-1, column);

async function open(query = ''): Promise<void> {
  await page.goto(`${house.url}/panels/${panel}${query}`);
  await expect(cell(0, 0)).toHaveText(/ 1$/);
}

async function box(of: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const found = await of.boundingBox();
  if (!found) throw new Error('it is not on the screen');
  return found;
}

/** In px, as the layout says: a box is rounded by what draws it. */
const width = async (column: number): Promise<number> =>
  await head(column).evaluate((element) => Number.parseInt((element as HTMLElement).style.width, 10));

test('the width: by keys, by the edge, by the menu; the address keeps it', async () => {
  await open();
  const fitted = await width(1);
  await cell(0, 1).click();
  await page.keyboard.press('ArrowUp');
  await expect(head(1)).toBeFocused();
  for (const times of [1, 2]) {
    await page.keyboard.press('Alt+Shift+ArrowRight');
    await expect.poll(() => width(1)).toBe(fitted + times * 16);
  }
  await page.keyboard.press('Alt+Shift+ArrowLeft');
  await expect.poll(() => width(1)).toBe(fitted + 16);
  await expect(page).toHaveURL(new RegExp(`w=c02:${fitted + 16}(&|$)`));
  await expect(head(1)).toBeFocused();
  await page.reload();
  await expect.poll(() => width(1)).toBe(fitted + 16);

  const edge = await box(head(2));
  const [x, y] = [edge.x + edge.width - 1, edge.y + edge.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 30, y);
  await page.mouse.move(x + 60, y);
  await expect.poll(() => width(2)).toBe(fitted + 60);
  await page.mouse.up();
  await expect(page).toHaveURL(new RegExp(`c03:${fitted + 60}(&|$)`));

  await cell(0, 2).click();
  await page.keyboard.press('Alt+ArrowDown');
  await page.getByRole('menuitem', { name: 'Wider' }).click();
  await expect.poll(() => width(2)).toBe(fitted + 100);
  await page.getByRole('menuitem', { name: 'Narrower' }).click();
  await expect.poll(() => width(2)).toBe(fitted + 60);
  await page.getByRole('menuitem', { name: 'Fit width' }).click();
  await expect.poll(() => width(2)).toBe(fitted);
});

test('the place: a head is dragged where its column is to stand', async () => {
  await open();
  const [from, to] = [await box(head(1)), await box(head(3))];
  const y = from.y + from.height / 2;
  await page.mouse.move(from.x + 20, y);
  await page.mouse.down();
  await page.mouse.move(from.x + 40, y);
  await page.mouse.move(to.x + 20, y);
  await page.mouse.up();
  await expect(head(3)).toContainText('c02');
  await expect(head(1)).toContainText('c03');
  await expect(cell(0, 3)).toHaveText('c02 1');
  await expect(page).toHaveURL(/order=c01,c03,c04/);
  await expect(page).not.toHaveURL(/sort=/);
});

test('pins of a wide screen leave room on a narrow one: all is reached, none is lost', async () => {
  await open('?pin=c01,c02,c03,c04,c05,c06');
  await expect(head(5)).toHaveAttribute('data-pinned', 'true');
  const desk = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 800 });
  await expect(head(0)).toHaveAttribute('data-pinned', 'true');
  await expect(head(1)).not.toHaveAttribute('data-pinned');
  await cell(0, 0).click();
  for (let column = 1; column < NAMES.length; column += 1) {
    await page.keyboard.press('ArrowRight');
    const focused = page.locator('[data-cell]:focus');
    await expect(focused).toHaveAttribute('data-cell', `0:${column}`);
    // Chromium that hides its scrollbars keeps their gutter and does not scroll so far: of the last column it is missing.
    await expect(focused).toBeInViewport({ ratio: 0.8 });
    const [here, still] = [await box(focused), await box(head(0))];
    expect(here.x, `column ${column + 1} is beside what stands still`).toBeGreaterThan(
      still.x + still.width - 2,
    );
  }
  // One without room is a pinned one nevertheless.
  await cell(0, 9).press('Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Alt+ArrowDown');
  await page.getByRole('menuitem', { name: 'Unpin' }).click();
  await expect(page).toHaveURL(/pin=c01,c03,c04,c05,c06(&|$)/);
  if (desk) await page.setViewportSize(desk);
  await expect(head(4)).toHaveAttribute('data-pinned', 'true');
});

test('two equal conditions are two: each goes by itself', async () => {
  const condition = "c01.eq('c01 7')";
  await page.goto(`${house.url}/panels/${panel}?filter=${encodeURIComponent(`${condition},${condition}`)}`);
  await expect(page.getByText('1 of 1,200 rows')).toBeVisible();
  const remove = page.getByRole('button', { name: 'Remove the filter c01 is c01 7' });
  await expect(remove).toHaveCount(2);
  await remove.first().click();
  await expect(remove).toHaveCount(1);
  await remove.click();
  await expect(page.getByText('1,200 rows', { exact: true })).toBeVisible();
});

test('what is chosen is copied whole, also where it was never on the screen', async () => {
  await open();
  await cell(0, 2).click();
  await page.keyboard.press('Control+Shift+ArrowDown');
  await expect(page.locator('[data-cell]:focus')).toHaveAttribute('data-cell', `${ROWS - 1}:2`);
  await page.keyboard.press('Control+c');
  const expected = Array.from({ length: ROWS }, (_, row) => `c03 ${row + 1}`).join('\n');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(expected);
});
