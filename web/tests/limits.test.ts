// What is typed into the limits of a company is read or refused, never changed.
import { expect, test } from 'vitest';
import {
  bytesOfGb,
  gbOfBytes,
  isBlank,
  marksOf,
  STORAGE_BYTES_MAX,
  wholeNumber,
} from '../src/features/system/limits';

const EN = marksOf('en-US');

test('whole numbers within the bounds, and nothing else', () => {
  for (const [typed, number] of [
    ['60', 60],
    [' 1000 ', 1000],
    ['1,000', 1000],
    ['500,000,000', 500_000_000],
  ] as const)
    expect(wholeNumber(typed, 60, 500_000_000, EN), typed).toBe(number);
  for (const typed of ['59', '500000001', '-5', '1.5', '1e9', '1,00', '0x40', '60 a', '', '∞', '٦٠'])
    expect(wholeNumber(typed, 60, 500_000_000, EN), typed).toBeUndefined();
});

test('storage is typed in GB, to the byte', () => {
  for (const [typed, bytes] of [
    ['2.5', 2_500_000_000],
    ['0.000000001', 1],
    ['1,000', 1_000_000_000_000],
    ['9007199.254740991', STORAGE_BYTES_MAX],
    ['0.123456789', 123_456_789],
  ] as const)
    expect(bytesOfGb(typed, EN), typed).toBe(bytes);
  for (const typed of [
    '-5',
    '0',
    '2,5',
    '1e9',
    '0.0000000001',
    '9007199.254740992',
    '99999999999999',
    '.5',
    '5.',
  ])
    expect(bytesOfGb(typed, EN), typed).toBeUndefined();
});

test('what is set stands in the field as one would type it', () => {
  for (const bytes of [1, 123_456_789, 1_000_000_000, 2_500_000_000, STORAGE_BYTES_MAX])
    expect(bytesOfGb(gbOfBytes(bytes, EN), EN)).toBe(bytes);
  expect(gbOfBytes(2_500_000_000, EN)).toBe('2.5');
  expect(gbOfBytes(5_000_000_000, EN)).toBe('5');
  expect([isBlank(' '), isBlank('0')]).toEqual([true, false]);
});

test('a number is read as its own locale writes it, and no other', () => {
  const [de, fr, hi] = [marksOf('de-DE'), marksOf('fr-FR'), marksOf('en-IN')];
  expect(bytesOfGb('2,5', de)).toBe(2_500_000_000);
  expect(bytesOfGb('2,500', de)).toBe(2_500_000_000);
  expect(bytesOfGb('1.000,5', de)).toBe(1_000_500_000_000);
  expect(bytesOfGb('2.5', de)).toBeUndefined();
  expect(wholeNumber('1.000', 1, 10_000, de)).toBe(1000);
  expect(wholeNumber('1,000', 1, 10_000, de)).toBeUndefined();
  expect(gbOfBytes(2_500_000_000, de)).toBe('2,5');
  for (const typed of ['2,5', '2.5']) expect(bytesOfGb(typed, fr), typed).toBe(2_500_000_000);
  for (const typed of ['1\u202f000', '1 000']) expect(wholeNumber(typed, 1, 10_000, fr), typed).toBe(1000);
  expect(wholeNumber('50,00,00,000', 60, 500_000_000, hi)).toBe(500_000_000);
});
