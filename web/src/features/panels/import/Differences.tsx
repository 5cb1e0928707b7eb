// How the columns of the file differ from those of the panel it goes into, in words.
import type { Panel } from '@/api/panels';
import { plural } from '@/lib/format';
import { Note } from '@/ui/Note';
import { type Changes, compare, differs, type Mode, type ReadOptions } from './reading';
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
  const changes = compare(target, options);
  if (!differs(changes, mode)) return null;
  const { gone, come, changed, moved } = changes;
  const append = mode === 'append';
  const lines = [
    { word: append ? 'Missing in the file' : 'Go away, with their values', names: gone },
    { word: append ? 'Not in the panel' : 'New', names: come },
    { word: append ? 'Another type' : 'Change their type', names: changed },
    {
      word: 'In another order; the panel has',
      names: append && moved ? target.columns.map(({ name }) => name) : [],
    },
  ].filter(({ names }) => names.length > 0);
  return (
    <div className={classes.block}>
      <Note state={append || gone.length > 0 ? 'warn' : 'info'}>
        {append ? toAppend(changes) : `The columns of ${target.title} change, for everyone who looks at it.`}
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

/** What can be done about it: names and types are corrected here, the order is the file's. */
function toAppend({ gone, come, changed, moved }: Changes): string {
  const here = gone.length + come.length + changed.length > 0;
  if (!moved)
    return "These columns differ from the panel's. Correct them below, or replace instead of append.";
  return `${here ? "These columns differ from the panel's, also in their order." : "The columns are the panel's, in another order."} Bring the file's into the panel's order, or replace instead of append.`;
}
