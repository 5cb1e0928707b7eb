// What the pointer chooses in the grid: cells, ranges, rows.
import type { MouseEvent, PointerEvent } from 'react';
import { at, type Selection } from './selection';

function cellAt(target: EventTarget): { row: number; col: number } | null {
  const element = target instanceof Element ? target.closest('[data-cell]') : null;
  const text = element?.getAttribute('data-cell');
  if (!text) return null;
  const [row, col] = text.split(':').map(Number);
  return row === undefined || col === undefined || row < 0 ? null : { row, col };
}

/** Choosing cells with the pointer: press, drag, shift-press; a press on a row's number takes the row. */
export function pointerSelection(
  selection: Selection,
  select: (next: Selection) => void,
  setFocused: (focused: boolean) => void,
  cols: number,
  onOpen: (row: number) => void,
) {
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0 || event.pointerType === 'touch') return;
      const number = event.target instanceof Element ? event.target.getAttribute('data-number') : null;
      const cell = number === null ? cellAt(event.target) : { row: Number(number), col: 0 };
      if (!cell) return;
      setFocused(true);
      if (number !== null) {
        const anchorRow = event.shiftKey ? selection.anchor.row : cell.row;
        return select({ focus: cell, anchor: { row: anchorRow, col: cols - 1 } });
      }
      select(event.shiftKey ? { focus: cell, anchor: selection.anchor } : at(cell.row, cell.col));
    },
    // A finger that goes down may be about to scroll: it chooses when it is lifted.
    onClick: (event: MouseEvent<HTMLElement>) => {
      const number = event.target instanceof Element ? event.target.getAttribute('data-number') : null;
      if (number !== null && !event.shiftKey) {
        const row = Number(number);
        select({ focus: { row, col: 0 }, anchor: { row, col: cols - 1 } });
        return onOpen(row);
      }
      const cell =
        (event.nativeEvent as globalThis.PointerEvent).pointerType === 'touch' ? cellAt(event.target) : null;
      if (!cell) return;
      setFocused(true);
      select(at(cell.row, cell.col));
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (event.buttons !== 1 || event.pointerType === 'touch') return;
      const cell = cellAt(event.target);
      if (!cell || (cell.row === selection.focus.row && cell.col === selection.focus.col)) return;
      select({ focus: cell, anchor: selection.anchor });
    },
  };
}
