// JSON with whole numbers of 64 bits, of which a browser's numbers hold 53 exactly: longer ones are the text of their digits. Pure.
const LONG = /\d{16}/;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const isLong = (token: string): boolean => /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token));

/** Reads JSON; a whole number that would lose digits comes as a text. */
export function parseExact(text: string): unknown {
  if (!LONG.test(text)) return JSON.parse(text);
  return JSON.parse(text.replace(TOKEN, (token) => (isLong(token) ? `"${token}"` : token)));
}

/** No one types it: what it begins is a number, not a text. */
const DIGITS = '\u0000';

/** A whole number as it goes into what `writeExact` writes. */
export function exact(digits: string): number | string {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : `${DIGITS}${BigInt(digits.replace(/^\+/, ''))}`;
}

/** Writes JSON with all digits of its whole numbers. */
export function writeExact(value: unknown): string {
  return JSON.stringify(value).replace(/"\\u0000(-?\d+)"/g, '$1');
}
