// How the columns of the file differ from those of the panel it goes into, in words.
import type { Panel } from '@/api/panels';
import { plural } from '@/lib/format';
import { Note } from '@/ui/Note';
import { compare, differs, type Mode, type ReadOptions } from './reading';
import classes from './Wizard.module.css';

const NAMED_MAX = 8;

/** Some names in full, the rest counted. */
export function Named({ names }: { names: readonly string[] }) {
  const rest = names.length - NAMED_MAX;
  return (
    <>
      <b>{names.slice(0, NAMED_MAX).join(', ')}</b>
      {rest > 0 ? ` and ${plural(rest, 'more column', 'more columns')}` : ''}
    </>
  );
}

interface Props {
  target: Panel;
  mode: Mode;
  options: ReadOptions;
}

export function Differences({ target, mode, options }: Props) {
  if (target.columns.length === 0) return null;
  const { gone, come, changed, empty } = compare(target, options, mode);
  const other = differs({ gone, come, changed, empty });
  if (!other && empty.length === 0) return null;
  const append = mode === 'append';
  const lines = [
    { word: append ? 'Missing in the file' : 'Go away, with their values', names: gone },
    { word: append ? 'Not in the panel' : 'New', names: come },
    { word: append ? 'Another type' : 'Change their type', names: changed },
    { word: 'Left empty where a line does not have them', names: empty },
  ].filter(({ names }) => names.length > 0);
  const words = !other
    ? 'The begin of the file does not have all keys of the panel.'
    : append
      ? "These columns differ from the panel's. Correct them below, or replace instead of append."
      : `The columns of ${target.title} change, for everyone who looks at it.`;
  return (
    <div className={classes.block}>
      <Note state={gone.length > 0 || (append && other) ? 'warn' : 'info'}>
        {words}
        <ul className={classes.issues}>
          {lines.map(({ word, names }) => (
            <li key={word}>
              {word}: <Named names={names} />
            </li>
          ))}
        </ul>
      </Note>
    </div>
  );
}
