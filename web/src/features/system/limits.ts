// Limits as they are typed and as they are sent. What is typed is read or refused, never turned into something else.

/** Storage is typed in GB and sent in bytes. */
const GB_DIGITS = 9;
/** The most that the API takes: 2^53 - 1 bytes. */
export const STORAGE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** Nothing was typed: no limit of the company's own. */
export const isBlank = (typed: string): boolean => typed.trim() === '';

/** How a locale writes numbers. */
interface Marks {
  /** Between thousands. */
  group: string;
  /** Before the fraction. */
  decimal: string;
}

export function marksOf(locale?: string): Marks {
  const parts = new Intl.NumberFormat(locale).formatToParts(1_234_567.5);
  const mark = (type: string) => parts.find((part) => part.type === type)?.value;
  return { group: mark('group') ?? '', decimal: mark('decimal') ?? '.' };
}

const MARKS = marksOf();

/** The digits before and after the mark, perhaps with the locale's marks between thousands; `undefined` for anything else. */
function digitsOf(typed: string, { group, decimal }: Marks): [whole: string, fraction?: string] | undefined {
  // A point is understood by everyone to whom it is not the mark of thousands.
  const text = group === '.' ? typed.trim() : typed.trim().replace('.', decimal);
  const [before = '', fraction, ...more] = text.split(decimal);
  if (more.length > 0 || (fraction !== undefined && !/^\d+$/.test(fraction))) return undefined;
  const groups = group === '' ? [before] : before.split(/^\s$/.test(group) ? /\s/ : group);
  const grouped = groups.every((part, at) =>
    (at === 0 ? /^\d{1,3}$/ : at === groups.length - 1 ? /^\d{3}$/ : /^\d{2,3}$/).test(part),
  );
  if (groups.length > 1 ? !grouped : !/^\d+$/.test(before)) return undefined;
  return fraction === undefined ? [groups.join('')] : [groups.join(''), fraction];
}

/** A whole number within the bounds; `undefined` for anything else. */
export function wholeNumber(typed: string, least: number, most: number, marks = MARKS): number | undefined {
  const [whole, fraction] = digitsOf(typed, marks) ?? [];
  if (whole === undefined || fraction !== undefined) return undefined;
  const number = Number(whole);
  return number >= least && number <= most ? number : undefined;
}

/** Bytes of what was typed in GB; `undefined` where it is no such number. Digits are moved, not multiplied: no byte is lost. */
export function bytesOfGb(typed: string, marks = MARKS): number | undefined {
  const [whole, fraction = ''] = digitsOf(typed, marks) ?? [];
  if (whole === undefined || fraction.length > GB_DIGITS) return undefined;
  const number = Number(whole + fraction.padEnd(GB_DIGITS, '0'));
  return number >= 1 && number <= STORAGE_BYTES_MAX ? number : undefined;
}

/** The same number of bytes as one would type it. */
export function gbOfBytes(bytes: number, marks = MARKS): string {
  const digits = String(bytes).padStart(GB_DIGITS + 1, '0');
  const fraction = digits.slice(-GB_DIGITS).replace(/0+$/, '');
  const whole = digits.slice(0, -GB_DIGITS);
  return fraction === '' ? whole : whole + marks.decimal + fraction;
}
