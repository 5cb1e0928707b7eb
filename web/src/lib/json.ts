// JSON with whole numbers of 64 bits, of which a browser's numbers hold 53 exactly: longer ones are the text of their digits. Pure.
const LONG = /\d{16}/;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

const isLong = (token: string): boolean => /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token));

/** Reads JSON; a whole number that would lose digits comes as a text. */
export function parseExact(text: string): unknown {
  return JSON.parse(LONG.test(text) ? longAsText(text, '') : text);
}

/** Reads JSON that is shown or sent again: `writeExact` writes its whole numbers as numbers, with all their digits. */
export function parseKept(text: string): unknown {
  // First as it is: 0012345678901234567890 is no JSON, though its digits would make a text.
  const plain: unknown = JSON.parse(text);
  return LONG.test(text) ? JSON.parse(longAsText(text, '\\u0000')) : plain;
}

const longAsText = (json: string, mark: string): string =>
  json.replace(TOKEN, (token) => (isLong(token) ? `"${mark}${token}"` : token));

/** No one types it: what it begins is a number, not a text. */
const DIGITS = '\u0000';

/** A whole number as it goes into what `writeExact` writes. */
export function exact(digits: string): number | string {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : `${DIGITS}${BigInt(digits.replace(/^\+/, ''))}`;
}

/** Writes JSON with all digits of its whole numbers. */
export function writeExact(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(/"\\u0000(-?\d+)"/g, '$1');
}
