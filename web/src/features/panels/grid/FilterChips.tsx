// What the view asks for, in words, each part with its way out; and honestly which parts cannot be applied and why.
import { Button, CloseButton } from '@mantine/core';
import { TriangleAlert, X } from 'lucide-react';
import { useState } from 'react';
import type { PanelColumn } from '@/api/panels';
import { Note } from '@/ui/Note';
import classes from './FilterBuilder.module.css';
import { chips, type Group, isGroup, NO_FILTER, noColumn, type Part, refusals } from './filter';
import bar from './Toolbar.module.css';
import { lostKeys, lower, NEEDED, type View } from './view';

interface Props {
  view: View;
  columns: readonly PanelColumn[];
  /** Parts of the address that could not be read. */
  unread: readonly string[];
  onView: (change: Partial<View>) => void;
  onEdit: () => void;
  /** Takes the unreadable parts out of the address. */
  onForget: () => void;
}

export function FilterChips({ view, columns, unread, onView, onEdit, onForget }: Props) {
  const { filter, sort } = view;
  const lost = lostKeys(view, columns);
  // Those that decide about rows are told where the rows would be.
  const odd = unread.filter((name) => !NEEDED.includes(name));
  const [closed, setClosed] = useState('');
  const told = odd.length > 0 && closed !== odd.join();
  if (filter.parts.length === 0 && lost.length === 0 && !told) return null;
  const remove = (index: number) =>
    onView({ filter: { ...filter, parts: filter.parts.filter((_, i) => i !== index) }, row: 0 });
  return (
    <div className={classes.chips}>
      {told ? (
        <Note
          state="warn"
          action={
            <>
              <Button variant="subtle" onClick={onForget}>
                Take it out
              </Button>
              <CloseButton aria-label="Close this message" onClick={() => setClosed(odd.join())} />
            </>
          }
        >
          The address’s {odd.map((name) => `“${name}”`).join(', ')} cannot be read and is left out.
        </Note>
      ) : null}
      {filter.match === 'any' && filter.parts.length > 1 ? <span className={bar.quiet}>Any of</span> : null}
      {chips(filter.parts, columns).map(({ part, text, key }, index) => (
        <Chip
          key={key}
          text={text}
          refused={refusals(part, columns)[0]?.why ?? null}
          what="filter"
          onEdit={onEdit}
          onRemove={() => remove(index)}
        />
      ))}
      {lost.map(({ column }) => (
        <Chip
          key={`sort ${column}`}
          text={`Sort by ${column}`}
          refused={lower(noColumn(column))}
          what="sort"
          onRemove={() => onView({ sort: sort.filter((key) => key.column !== column), row: 0 })}
        />
      ))}
      {filter.parts.length > 1 ? (
        <Button variant="subtle" color="gray" onClick={() => onView({ filter: NO_FILTER, row: 0 })}>
          Clear
        </Button>
      ) : null}
    </div>
  );
}

function Chip({
  text,
  refused,
  what,
  onEdit,
  onRemove,
}: {
  text: string;
  refused: string | null;
  what: string;
  onEdit?: () => void;
  onRemove: () => void;
}) {
  const body = (
    <span className={classes.chipText}>
      {refused ? <TriangleAlert size={13} aria-hidden className={classes.chipIcon} /> : null}
      {text}
      {refused ? <span className={classes.chipWhy}> · not applied: {refused}</span> : null}
    </span>
  );
  return (
    <span className={classes.chip} data-refused={refused !== null || undefined}>
      {onEdit ? (
        <button type="button" className={bar.plain} onClick={onEdit}>
          {body}
        </button>
      ) : (
        body
      )}
      <button
        type="button"
        className={`${bar.plain} ${classes.chipClose}`}
        aria-label={`Remove the ${what} ${text}`}
        onClick={onRemove}
      >
        <X size={13} />
      </button>
    </span>
  );
}

/** How many conditions are applied: what the button may claim. */
export function countApplied(part: Group | Part, columns: readonly PanelColumn[]): number {
  if (isGroup(part)) return part.parts.reduce((sum, one) => sum + countApplied(one, columns), 0);
  return refusals(part, columns).length === 0 ? 1 : 0;
}
