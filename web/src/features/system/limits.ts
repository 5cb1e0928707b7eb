// Limits as they are typed and as they are sent. What is typed is read or refused, never turned into something else.

/** Storage is typed in GB and sent in bytes. */
const GB_DIGITS = 9;
/** The most that the API takes: 2^53 - 1 bytes. */
export const STORAGE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** Nothing was typed: no limit of the company's own. */
export const isBlank = (typed: string): boolean => typed.trim() === '';

/** A whole number within the bounds, perhaps with commas between its thousands; `undefined` for anything else. */
export function wholeNumber(typed: string, least: number, most: number): number | undefined {
  const text = typed.trim();
  if (!/^(\d+|\d{1,3}(,\d{3})+)$/.test(text)) return undefined;
  const number = Number(text.replaceAll(',', ''));
  return number >= least && number <= most ? number : undefined;
}

/** Bytes of what was typed in GB; `undefined` where it is no such number. Digits are moved, not multiplied: no byte is lost. */
export function bytesOfGb(typed: string): number | undefined {
  const parts = /^(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,9}))?$/.exec(typed.trim());
  if (!parts) return undefined;
  const [, whole = '', fraction = ''] = parts;
  const digits = whole.replaceAll(',', '') + fraction.padEnd(GB_DIGITS, '0');
  const number = Number(digits);
  return number >= 1 && number <= STORAGE_BYTES_MAX ? number : undefined;
}

/** The same number of bytes as one would type it. */
export function gbOfBytes(bytes: number): string {
  const digits = String(bytes).padStart(GB_DIGITS + 1, '0');
  const fraction = digits.slice(-GB_DIGITS).replace(/0+$/, '');
  const whole = digits.slice(0, -GB_DIGITS);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}
