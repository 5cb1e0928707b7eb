// What the view asks for, in words, each part with its way out; and honestly which parts are not applied and why.
import { Button } from '@mantine/core';
import { TriangleAlert, X } from 'lucide-react';
import type { PanelColumn } from '@/api/panels';
import { Note } from '@/ui/Note';
import classes from './FilterBuilder.module.css';
import {
  arity,
  type Condition,
  type Group,
  incomplete,
  isGroup,
  NO_FILTER,
  opWord,
  type Part,
} from './filter';
import bar from './Toolbar.module.css';
import type { SortKey, View } from './view';

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
  const lost = sort.filter(({ column }) => !columns.some(({ name }) => name === column));
  const wrong = filter.parts.some((part) => refusedPart(part, columns)) || lost.length > 0;
  if (filter.parts.length === 0 && lost.length === 0 && unread.length === 0) return null;
  const words = (part: Part) => describe(part, columns);
  const without = (index: number) =>
    onView({ filter: { ...filter, parts: filter.parts.filter((_, i) => i !== index) }, row: 0 });
  return (
    <div className={classes.chips}>
      {unread.length > 0 ? (
        <Note
          state="warn"
          action={
            <Button variant="subtle" onClick={onForget}>
              Take it out
            </Button>
          }
        >
          The address’s {unread.map((name) => `“${name}”`).join(', ')} cannot be read and is left out.
        </Note>
      ) : null}
      {wrong ? (
        <Note state="warn">
          What is marked below is not applied: the rows here are more, or in another order, than the address
          asks for.
        </Note>
      ) : null}
      {filter.match === 'any' && filter.parts.length > 1 ? <span className={bar.quiet}>Any of</span> : null}
      {filter.parts.map((part, index) => (
        <Chip
          key={words(part)}
          text={words(part)}
          refused={refusedPart(part, columns)}
          what="filter"
          onEdit={onEdit}
          onRemove={() => without(index)}
        />
      ))}
      {lost.map(({ column }) => (
        <Chip
          key={`sort ${column}`}
          text={`Sort by ${column}`}
          refused={`There is no column ${column}`}
          what="sort"
          onRemove={() => onView({ sort: withoutKey(sort, column), row: 0 })}
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

const withoutKey = (sort: readonly SortKey[], column: string) => sort.filter((key) => key.column !== column);

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

/** Why a part is not applied, wholly or in part; null when it is. */
function refusedPart(part: Part, columns: readonly PanelColumn[]): string | null {
  if (isGroup(part)) {
    for (const inner of part.parts) {
      const why = refusedPart(inner, columns);
      if (why) return why;
    }
    return null;
  }
  return incomplete(part, columns.find(({ name }) => name === part.column)?.kind);
}

/** How many conditions and sort keys are applied: what the buttons may claim. */
export function countApplied(part: Group | Part, columns: readonly PanelColumn[]): number {
  if (isGroup(part)) return part.parts.reduce((sum, one) => sum + countApplied(one, columns), 0);
  return refusedPart(part, columns) === null ? 1 : 0;
}

function describe(part: Part, columns: readonly PanelColumn[]): string {
  if (isGroup(part))
    return part.parts.map((one) => describe(one, columns)).join(part.match === 'all' ? ' and ' : ' or ');
  return describeCondition(part, columns);
}

function describeCondition({ column, op, values }: Condition, columns: readonly PanelColumn[]): string {
  const word = opWord(op, columns.find(({ name }) => name === column)?.kind ?? 'text');
  const value = arity(op) === 'two' ? values.join(' and ') : values.join(', ');
  return [column, word, value].filter(Boolean).join(' ');
}
