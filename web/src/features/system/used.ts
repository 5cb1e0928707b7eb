// What a company has of a kind of thing, in that kind's unit.
import type { Company, Used } from '@/api/system';
import { bytes, count } from '@/lib/format';

/** The figure with its unit. */
export const shown = (one: Used, n: number): string => (one.unit === 'bytes' ? bytes : count)(n);

export const found = (company: Pick<Company, 'used'>, what: string): Used | undefined =>
  company.used.find((one) => one.what === what);

/** `3 of 10`, `4 MB`. */
export function usedOf(company: Pick<Company, 'used'>, what: string): string {
  const one = found(company, what);
  if (!one) return '–';
  return typeof one.limit === 'number'
    ? `${shown(one, one.used)} of ${shown(one, one.limit)}`
    : shown(one, one.used);
}
