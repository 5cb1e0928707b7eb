// Copies the chosen cells as tab-separated text, fetching what is not here yet; and says what is chosen.
import type { ClipboardEvent } from 'react';
import { type CellValue, type RowsRequest, rowsQuery, WINDOW_ROWS } from '@/api/panels';
import { queryClient } from '@/api/query';
import { copyText } from '@/lib/clipboard';
import { count, figure, plural } from '@/lib/format';
import { attempt, showDone } from '@/ui/toast';
import classes from './Grid.module.css';
import { alignsEnd, cellText, type Layout } from './layout';
import type { Rows } from './rows';
import { boxOf, cellsIn, isRange, type Selection, toTsv } from './selection';

/** More than this is an export, not a copy. */
const COPY_ROWS_MAX = 20_000;
/** Sums are made of what is here; beyond this many rows, and where one of them is missing, they are left out. */
const FACT_ROWS_MAX = 1_000;

interface Source {
  panelId: string;
  request: RowsRequest;
  layout: Layout;
  rows: Rows;
  selection: Selection;
}

export function copySelection(event: ClipboardEvent<HTMLElement>, source: Source): void {
  if (!(event.target instanceof HTMLElement) || window.getSelection()?.toString()) return;
  const { rows, selection } = source;
  if (selection.focus.row < 0 && !isRange(selection)) return;
  event.preventDefault();
  const box = boxOf(selection);
  const lines: (readonly CellValue[])[] = [];
  for (let row = box.top; row <= Math.min(box.bottom, box.top + COPY_ROWS_MAX - 1); row += 1) {
    const cells = rows.row(row);
    if (!cells) return void copyFetched(source);
    lines.push(cells);
  }
  event.clipboardData.setData('text/plain', asText(source, lines));
  said(source, lines.length);
}

function asText({ layout, rows, selection }: Source, lines: readonly (readonly CellValue[])[]): string {
  const { left, right } = boxOf(selection);
  const columns = layout.columns
    .slice(left, right + 1)
    .map(({ name, kind }) => ({ at: rows.place(name), kind }));
  return toTsv(lines.map((cells) => columns.map(({ at, kind }) => cellText(cells[at], kind))));
}

async function copyFetched(source: Source): Promise<void> {
  const { panelId, request, selection } = source;
  const box = boxOf(selection);
  const bottom = Math.min(box.bottom, box.top + COPY_ROWS_MAX - 1);
  await attempt('copy', async () => {
    const lines: (readonly CellValue[])[] = [];
    for (let page = Math.floor(box.top / WINDOW_ROWS); page * WINDOW_ROWS <= bottom; page += 1) {
      const window = await queryClient.fetchQuery(rowsQuery(panelId, request, page));
      const from = Math.max(0, box.top - page * WINDOW_ROWS);
      const to = Math.min(WINDOW_ROWS, bottom - page * WINDOW_ROWS + 1);
      for (const cells of window.rows.slice(from, to)) lines.push(cells as readonly CellValue[]);
    }
    if (await copyText(asText(source, lines))) said(source, lines.length);
  });
}

function said({ selection }: Source, copied: number): void {
  const box = boxOf(selection);
  const wanted = box.bottom - box.top + 1;
  if (wanted > copied)
    showDone(
      `Copied the first ${plural(copied, 'row')}`,
      `${count(wanted)} were chosen; at most ${count(COPY_ROWS_MAX)} are copied.`,
    );
  else if (isRange(selection)) showDone(`Copied ${plural(cellsIn(box), 'cell')}`);
}

/** What is chosen: how many cells, and of numbers their sum and mean. */
export function SelectionFacts({
  rows,
  layout,
  selection,
}: {
  rows: Rows;
  layout: Layout;
  selection: Selection;
}) {
  if (!isRange(selection) || rows.count === 0)
    return <span className={classes.hint}>Click to sort, shift-click to add · ? for keys</span>;
  const box = boxOf(selection);
  const numbers: number[] = [];
  const columns = layout.columns.slice(box.left, box.right + 1).filter((one) => alignsEnd(one.kind));
  // Rows that are not here yet and numbers that are held as their digits are not summed: a sum without them would be another one.
  let whole = box.bottom - box.top < FACT_ROWS_MAX;
  for (let row = box.top; whole && row <= box.bottom; row += 1) {
    const cells = rows.row(row);
    if (!cells) whole = false;
    for (const column of columns) {
      const value = cells?.[rows.place(column.name)];
      if (typeof value === 'number') numbers.push(value);
      else if (typeof value === 'string') whole = false;
    }
  }
  const sum = numbers.reduce((total, value) => total + value, 0);
  return (
    <span className="tabular" aria-live="polite">
      {plural(cellsIn(box), 'cell')} chosen
      {whole && numbers.length > 1 ? ` · sum ${figure(sum)} · mean ${figure(sum / numbers.length)}` : ''}
    </span>
  );
}
