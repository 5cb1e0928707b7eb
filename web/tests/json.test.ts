// Whole numbers keep all their digits on the way in and out.
import { expect, test } from 'vitest';
import { exact, parseExact, parseKept, writeExact } from '../src/lib/json';

test('what a number cannot hold comes as its digits, and nothing else changes', () => {
  const text =
    '{"rows":[[9007199254740993,-9223372036854775808,42,0.1234567890123456789,1e21],["id 9007199254740993, \\"9007199254740993\\" \\\\",9007199254740991,null,true,"x"]]}';
  const plain = JSON.parse(text) as { rows: unknown[][] };
  const read = parseExact(text) as { rows: unknown[][] };
  expect(read.rows[0]?.slice(0, 2)).toEqual(['9007199254740993', '-9223372036854775808']);
  expect(read.rows[0]?.slice(2)).toEqual(plain.rows[0]?.slice(2));
  expect(read.rows[1]).toEqual(plain.rows[1]);
});

test('digits are written as they were typed', () => {
  expect(
    writeExact({ value: [exact('9007199254740993'), exact('+09223372036854775807'), exact('-7')] }),
  ).toBe('{"value":[9007199254740993,9223372036854775807,-7]}');
  expect(writeExact({ value: '9007199254740993' })).toBe('{"value":"9007199254740993"}');
});

test('what is read to be written again keeps its digits, and texts stay texts', () => {
  const json =
    '{"ids":[9007199254740993,-9223372036854775808,42],"text":"9007199254740993","deep":{"n":18446744073709551615}}';
  expect(writeExact(parseKept(json))).toBe(json);
  expect(writeExact(parseKept('{"id":9007199254740993}'), 2)).toBe('{\n  "id": 9007199254740993\n}');
  expect(() => parseKept('{"id":0012345678901234567890}')).toThrow();
});
