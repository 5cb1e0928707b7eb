// Which questions are asked again by themselves.
import { expect, test } from 'vitest';
import { Problem } from '../src/api/problem';
import { queryClient } from '../src/api/query';

const again = (status: number, code: string, failures = 0) => {
  const retry = queryClient.getDefaultOptions().queries?.retry;
  if (typeof retry !== 'function') throw new Error('it is decided for each problem');
  return retry(failures, Problem.from(status, { code, title: 'it failed' }, null, '5'));
};

test('what is busy for a moment is asked again, twice', () => {
  expect([0, 1, 2].map((failures) => again(503, 'db.busy', failures))).toEqual([true, true, false]);
  expect(again(0, 'web.away')).toBe(true);
  expect(again(404, 'panels.not_found')).toBe(false);
});

test('where the server has waited for memory in vain, it is said at once', () => {
  expect(again(503, 'dataset.memory_busy')).toBe(false);
});
