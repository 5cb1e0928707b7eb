// One row of the grid: numbers, cells, bones while the values are on their way, a soft flash where a value changed.
import { memo, useEffect, useRef } from 'react';
import type { CellValue } from '@/api/panels';
import classes from './Grid.module.css';
import { alignsEnd, cellText, type PlacedColumn } from './layout';
import { ROW_PX } from './scroll';

export interface RowProps {
  index: number;
  base: number;
  /** The columns to draw, in order. */
  columns: readonly PlacedColumn[];
  cells: readonly CellValue[] | undefined;
  place: (column: string) => number;
  version: number | null;
  gutter: number;
  /** Column in focus, or -1. */
  focus: number;
  selectedFrom: number;
  selectedTo: number;
}

/** Far rows are kept only for their focus: they need no exact place, and coordinates have an end. */
const FAR_PX = 1_000_000;

export const Row = memo(function Row(props: RowProps) {
  const { index, base, columns, cells, place, version, gutter, focus, selectedFrom, selectedTo } = props;
  const changed = useChanged(index, cells, version);
  const top = Math.max(-FAR_PX, Math.min(FAR_PX, (index - base) * ROW_PX));
  const draw = (column: PlacedColumn) => {
    const at = place(column.name);
    const value = cells?.[at];
    const selected = column.index >= selectedFrom && column.index <= selectedTo;
    return (
      <div
        key={column.name}
        role="gridcell"
        className={classes.cell}
        aria-colindex={column.index + 2}
        aria-selected={selected || column.index === focus}
        tabIndex={column.index === focus ? 0 : -1}
        data-cell={`${index}:${column.index}`}
        data-selected={selected || undefined}
        data-end={alignsEnd(column.kind) || undefined}
        data-pinned={column.pinned || undefined}
        style={{ left: column.left, width: column.width }}
      >
        {cells === undefined ? (
          <span
            className={classes.bone}
            style={{ width: `${38 + ((index * 7 + column.index * 13) % 40)}%` }}
          />
        ) : (
          <Value text={cellText(value, column.kind)} />
        )}
        {changed?.has(at) ? <span key={version} className={classes.flash} /> : null}
      </div>
    );
  };
  const pinned = columns.filter((column) => column.pinned);
  const moving = columns.filter((column) => !column.pinned);
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-busy={cells === undefined || undefined}
      className={classes.row}
      data-row={index}
      data-focus={focus >= 0 || undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div
        role="rowheader"
        aria-colindex={1}
        className={classes.number}
        style={{ width: gutter }}
        data-number={index}
        title={`Open row ${index + 1}`}
      >
        {index + 1}
      </div>
      {pinned.map(draw)}
      <div className={classes.moving}>{moving.map(draw)}</div>
    </div>
  );
});

function Value({ text }: { text: string | null }) {
  if (text === null) {
    return (
      <span className={classes.empty} aria-hidden>
        –
      </span>
    );
  }
  return <span className={classes.text}>{text}</span>;
}

/** The places whose value differs from that of the version before; null when nothing does. */
export function useChanged(
  index: number,
  cells: readonly CellValue[] | undefined,
  version: number | null,
): ReadonlySet<number> | null {
  const before = useRef({ index, cells, version });
  const result = useRef<ReadonlySet<number> | null>(null);
  const old = before.current;
  if (old.index !== index) result.current = null;
  else if (cells && old.cells && version !== null && old.version !== null && version !== old.version) {
    const places = new Set<number>();
    if (cells !== old.cells) {
      for (let i = 0; i < cells.length; i += 1) if (cells[i] !== old.cells[i]) places.add(i);
    }
    result.current = places.size > 0 ? places : null;
  }
  useEffect(() => {
    if (cells || before.current.index !== index) before.current = { index, cells, version };
  });
  return result.current;
}
