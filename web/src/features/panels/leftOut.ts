// What of a file did not come into the panel, and what of that can still be had, in words. Pure.
import type { Import } from '@/api/panels';
import { count, plural } from '@/lib/format';

/** So many keys are named; there may be more. */
const KEYS_NAMED = 20;

/** How many of the lines that could not be read can be downloaded. */
export function keptLines({
  bad_lines,
  bad_lines_kept,
}: Pick<Import, 'bad_lines' | 'bad_lines_kept'>): string {
  if (bad_lines_kept === 0) return bad_lines === 1 ? 'It is not kept.' : 'None of them is kept.';
  if (bad_lines_kept < bad_lines) {
    const first = bad_lines_kept === 1 ? 'Only the first is' : `Only the first ${count(bad_lines_kept)} are`;
    return `${first} kept with number and reason; ${count(bad_lines - bad_lines_kept)} are not.`;
  }
  return bad_lines === 1
    ? 'It is kept with its number and the reason.'
    : 'Each is kept with its number and the reason.';
}

/** Keys of NDJSON that came first after the part of the file that was looked at; empty where there are none. */
export function unknownKeys({ unknown_keys: keys, mode }: Pick<Import, 'unknown_keys' | 'mode'>): string {
  if (keys.length === 0) return '';
  const more = keys.length >= KEYS_NAMED ? ' and perhaps more' : '';
  const one = keys.length === 1 && !more;
  const what = one ? 'A key' : `${plural(keys.length, 'key')}${more}`;
  const whose = one ? 'Its values were' : 'Their values were';
  const begun =
    mode === 'append' ? '' : `, because the begin of the file does not have ${one ? 'it' : 'them'}`;
  const these = one ? 'this key' : 'these keys';
  // Appended rows bring no column with them: the same file, with such a line first, would be refused.
  const how =
    mode === 'append'
      ? `replace all rows of the panel by a file that has a line with ${these} first`
      : `put a line with ${these} first and import the file again`;
  return `${what} of the file ${one ? 'is' : 'are'} not in the panel${begun}: ${keys.join(', ')}. ${whose} left out. To have them, ${how}.`;
}
