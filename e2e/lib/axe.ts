// What axe objects to on a page as it stands, in both themes: the page is not opened anew for the other one.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** A desk's screen, and the narrowest that is promised. */
export const WIDTHS = [
  [1440, 900],
  [360, 800],
] as const;

/** Longer than two frames take, also where a page draws none because nobody sees it. */
const FRAMES_MS_MAX = 1_000;

/** A page for axe: nothing moves, and axe may put its script into it. */
export const forAxe = ([width, height]: (typeof WIDTHS)[number]) => ({
  viewport: { width, height },
  colorScheme: 'light' as const,
  reducedMotion: 'reduce' as const,
  bypassCSP: true,
});

/** A line for each cell of a list that does not hold what is in it, for a list wider than its frame, and for a page wider than its window. */
export async function spills(page: Page, name: string): Promise<string[]> {
  const width = page.viewportSize()?.width;
  const found = await page.evaluate(() => {
    const lists = Array.from(document.querySelectorAll<HTMLElement>('table[aria-rowcount]'));
    const wide = lists.filter((list) => list.offsetWidth > (list.parentElement?.clientWidth ?? 0) + 1);
    const cells = lists.flatMap((list) => Array.from(list.querySelectorAll<HTMLElement>('tbody td')));
    const full = cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1);
    const pages = [document.documentElement, ...document.querySelectorAll<HTMLElement>('[data-scroller]')];
    return [
      ...pages
        .filter((one) => one.scrollWidth > one.clientWidth + 1)
        .map((one) => `the page is ${one.scrollWidth - one.clientWidth} px wider than its window`),
      ...wide.map((list) => `the list ${list.getAttribute('aria-label')} is wider than its frame`),
      ...full.map((cell) => `“${cell.textContent}” spills over its cell`),
    ];
  });
  return found.map((line) => `${name}, ${width} px: ${line}`);
}

/** A line for each objection, beginning with the name. */
export async function objections(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await expect(page.locator(`html[data-mantine-color-scheme=${theme}]`)).toBeAttached();
    // What has just opened takes two frames to begin. Nothing moves: where motion is reduced, colours arrive at once.
    await page.evaluate(async (longest) => {
      const begun = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      await Promise.race([begun, new Promise((resolve) => setTimeout(resolve, longest))]);
    }, FRAMES_MS_MAX);
    // Without frames nothing is lost by looking at the page as a whole, and no second page is opened for each look.
    // Its script is long: it is put into a page once. Of what is right nothing is told but that it is.
    const there = await page.evaluate(() => 'axe' in window);
    const axe = new AxeBuilder({ page, ...(there ? { axeSource: 'void 0' } : {}) }).setLegacyMode(true);
    axe.options({ resultTypes: ['violations'] });
    // The themes differ in their colours and in nothing else.
    if (theme === 'dark') axe.withRules(['color-contrast', 'link-in-text-block']);
    const { violations } = await axe.analyze();
    for (const { id, nodes } of violations) {
      found.push(`${name}, ${theme}: ${id} at ${nodes.map((node) => node.target.join(' ')).join(', ')}`);
    }
    const screens = process.env['WHEELHOUSE_TEST_SCREENS'];
    if (screens)
      await page.screenshot({ path: `${screens}/${name}-${theme}-${page.viewportSize()?.width}.png` });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  return found;
}
