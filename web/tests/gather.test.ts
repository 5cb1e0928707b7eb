// Rows that are copied, and windows that are kept, are of one version.
import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import { type RowWindow, rowsQuery, WINDOW_ROWS } from '../src/api/panels';
import { forget } from '../src/app/live-cache';
import { COPY_ROWS_MAX, gather, notCopied } from '../src/features/panels/grid/gather';
import { ofVersion } from '../src/features/panels/grid/rows';

function window(page: number, version: number, rows = WINDOW_ROWS): RowWindow {
  const first = page * WINDOW_ROWS;
  return {
    columns: ['n'],
    count: first + rows,
    total: first + rows,
    offset: first,
    version,
    rows: Array.from({ length: rows }, (_, i) => [`${version}:${first + i}`]),
  };
}

test('a range over several windows holds each of its rows once', async () => {
  const found = await gather(async (page) => window(page, 1), 150, 450);
  expect(found.version).toBe(1);
  expect(found.lines.map(([text]) => text)).toEqual(Array.from({ length: 301 }, (_, i) => `1:${150 + i}`));
  const end = await gather(async (page) => window(page, 1, page === 1 ? 3 : WINDOW_ROWS), 0, 300);
  expect(end.lines).toHaveLength(203);
});

test('where the version changes on the way it begins anew, without what is kept', async () => {
  const asked: string[] = [];
  const found = await gather(
    async (page, fresh) => {
      asked.push(`${page}${fresh ? ' fresh' : ''}`);
      return window(page, fresh || page > 0 ? 2 : 1);
    },
    0,
    399,
  );
  expect(asked).toEqual(['0', '1', '0 fresh', '1 fresh']);
  expect(found.version).toBe(2);
  expect(new Set(found.lines.map(([text]) => String(text).split(':')[0]))).toEqual(new Set(['2']));
});

test('where it changes again it gives up, and hands over nothing', async () => {
  let version = 0;
  const changing = async (page: number) => {
    version += 1;
    return window(page, version);
  };
  await expect(gather(changing, 0, 399)).rejects.toMatchObject({ code: 'web.rows_changed' });
  expect(version).toBe(4);
});

test('a window that is kept is of the version in sight, or of no use', () => {
  expect(ofVersion(window(3, 2), 2)?.offset).toBe(600);
  expect(ofVersion(window(3, 1), 2)).toBeUndefined();
  expect(ofVersion(undefined, undefined)).toBeUndefined();
});

test('when events are lost for good, windows that nobody looks at go, and those in sight are asked for again', async () => {
  const cache = new QueryClient();
  const key = (page: number) => rowsQuery('p', {}, page).queryKey;
  cache.setQueryData(key(0), window(0, 1));
  cache.setQueryData(key(7), window(7, 1));
  let asked = 0;
  const seen = new QueryObserver<RowWindow>(cache, {
    queryKey: key(0),
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => {
      asked += 1;
      return window(0, 2);
    },
  });
  const leave = seen.subscribe(() => undefined);
  forget(cache);
  expect(cache.getQueryData(key(7))).toBeUndefined();
  expect(cache.getQueryData(key(0))).toMatchObject({ version: 1 });
  await expect.poll(() => cache.getQueryData(key(0))?.version).toBe(2);
  expect(asked).toBe(1);
  leave();
  cache.clear();
});

test('rows that were chosen and not copied are told, with the reason', () => {
  const figures = (wanted: number) => wanted.toLocaleString();
  expect(notCopied(7, 7)).toBe('');
  expect(notCopied(COPY_ROWS_MAX, COPY_ROWS_MAX)).toBe('');
  expect(notCopied(50_000, COPY_ROWS_MAX)).toBe(
    `${figures(50_000)} were chosen; at most ${figures(COPY_ROWS_MAX)} are copied.`,
  );
  expect(notCopied(50_000, 3)).toBe(`${figures(50_000)} were chosen; there are no more.`);
});
