// What is copied from the grid is no program to the spreadsheet that it is pasted into.
import { expect, test } from 'vitest';
import { disarmed, toTsv } from '../src/features/panels/grid/selection';

test('a text that a spreadsheet would run gets an apostrophe', () => {
  const formulas = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '＋1', '－1', '＠A'];
  for (const text of formulas) expect(disarmed(text)).toBe(`'${text}`);
});

test('other texts and empty cells stay as they are', () => {
  for (const text of ['', 'a=1', ' =1', "'=1", '1-2', 'ä', null]) expect(disarmed(text)).toBe(text);
});

test('what was disarmed is quoted as before', () => {
  const link = '=HYPERLINK("http://evil.example","see")';
  expect(toTsv([[disarmed(link), disarmed('\t=1'), '-1']])).toBe(
    `"'=HYPERLINK(""http://evil.example"",""see"")"\t"'\t=1"\t-1`,
  );
});
