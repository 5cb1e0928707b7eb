// The grid by keyboard alone.
import type { KeyboardEvent } from 'react';
import { MOD } from '@/lib/keys';
import type { ColumnActions } from './HeadCell';
import { type Layout, ofOnePart } from './layout';
import type { PeekState } from './Peek';
import { at, type Bounds, isRange, moved, type Selection } from './selection';

const RESIZE_STEP_PX = 16;

/** For the help dialog. */
export const GRID_KEYS = [
  ['↑ ↓ ← →', 'Move from cell to cell'],
  [`${MOD} ↑`, 'To the first row, and so on'],
  ['Shift ↓', 'Choose a range'],
  [`${MOD} C`, 'Copy what is chosen'],
  ['Alt C', 'Copy as they are, formulas too'],
  ['↵', 'Open the row; on a head: sort'],
  ['Space', 'Open the row, or close it'],
  ['Shift Space', 'Choose the whole row'],
  ['Shift ↵', 'On a head: add to the sort'],
  ['Alt ↓', 'Menu of the column'],
  ['Alt →', 'On a head: move the column'],
  ['Alt Shift →', 'On a head: widen the column'],
] as const;

interface Keys {
  selection: Selection;
  bounds: Bounds;
  layout: Layout;
  select: (next: Selection) => void;
  actions: ColumnActions;
  openMenu: (column: number | null) => void;
  peek: PeekState;
  copyAsTheyAre: () => void;
  onOpenRow: (row: number) => void;
}

export function useGridKeys(keys: Keys): (event: KeyboardEvent<HTMLElement>) => void {
  return (event) => {
    if (!(event.target instanceof HTMLElement) || !event.target.hasAttribute('data-cell')) return;
    if (onHead(event, keys) || onCell(event, keys) || onMove(event, keys)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
}

/** Keys of a column's head: sort, menu, move, resize. */
function onHead(event: KeyboardEvent, { selection, layout, actions, openMenu, select }: Keys): boolean {
  const column = layout.columns[selection.focus.col];
  if (!column) return false;
  const { key, altKey, shiftKey } = event;
  if (altKey && key === 'ArrowDown') {
    openMenu(column.index);
    return true;
  }
  if (selection.focus.row >= 0) return false;
  if (key === 'Enter' || key === ' ') {
    actions.sort(column.name, 'next', shiftKey ? 'add' : 'alone');
    return true;
  }
  if (!altKey || (key !== 'ArrowLeft' && key !== 'ArrowRight')) return false;
  const step = key === 'ArrowLeft' ? -1 : 1;
  if (shiftKey) {
    actions.resize(column.name, column.width + step * RESIZE_STEP_PX);
    return true;
  }
  const other = layout.columns[column.index + step];
  if (other && ofOnePart(other, column)) {
    actions.move(column.name, other.index);
    select(at(-1, other.index));
  }
  return true;
}

function onCell(event: KeyboardEvent, keys: Keys): boolean {
  const { selection, bounds, select, peek, onOpenRow } = keys;
  const { key } = event;
  const mod = event.ctrlKey || event.metaKey;
  const { row, col } = selection.focus;
  if (key === 'Escape') {
    if (peek.open) peek.hide();
    else if (isRange(selection)) select(at(row, col));
    else return false;
    return true;
  }
  // By its place: with Alt the key makes another character on some keyboards.
  if (event.altKey && !mod && event.code === 'KeyC') {
    keys.copyAsTheyAre();
    return true;
  }
  if (row < 0) return false;
  if (key === 'Enter' || (key === ' ' && !event.shiftKey)) {
    onOpenRow(row);
    return true;
  }
  if (mod && key === 'a') {
    select({ focus: { row: 0, col: 0 }, anchor: { row: bounds.rows - 1, col: bounds.cols - 1 } });
    return true;
  }
  if (event.shiftKey && key === ' ') {
    select({ focus: { row, col: 0 }, anchor: { row: selection.anchor.row, col: bounds.cols - 1 } });
    return true;
  }
  return false;
}

function onMove(event: KeyboardEvent, { selection, bounds, select }: Keys): boolean {
  if (event.altKey) return false;
  const mod = event.ctrlKey || event.metaKey;
  if (mod && event.key.length === 1) return false;
  const next = moved(selection.focus, event.key, mod, bounds);
  if (!next) return false;
  if (event.shiftKey && next.row >= 0) select({ focus: next, anchor: selection.anchor });
  else select({ focus: next, anchor: next });
  return true;
}
