// Copies the chosen cells as tab-separated text, fetching what is not here yet; and says what is chosen.
import { Anchor } from '@mantine/core';
import type { ClipboardEvent } from 'react';
import { type CellValue, type ColumnKind, type RowsRequest, rowsQuery } from '@/api/panels';
import { Problem } from '@/api/problem';
import { queryClient } from '@/api/query';
import { copyText } from '@/lib/clipboard';
import { figure, plural } from '@/lib/format';
import { attempt, forgetProblem, showDone } from '@/ui/toast';
import classes from './Grid.module.css';
import { COPY_ROWS_MAX, gather, notCopied } from './gather';
import { alignsEnd, cellText, type Layout } from './layout';
import type { Rows } from './rows';
import { boxOf, cellsIn, disarmed, isRange, type Selection, toTsv } from './selection';

/** Sums are made of what is here; beyond this many rows, and where one of them is missing, they are left out. */
const FACT_ROWS_MAX = 1_000;

/** Under this name stands what failed of it, until it is done again. */
const COPY = 'copy';

/** What becomes of texts that a spreadsheet would run when they are pasted. */
type Texts = 'disarmed' | 'as they are';

interface Text {
  tsv: string;
  /** Whether a text was changed. */
  changed: boolean;
}

export interface Source {
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
    // Windows change one after the other: for a moment there are rows of two versions.
    if (!cells || rows.versionAt(row) !== rows.version) return void copyFetched(source, 'disarmed');
    lines.push(cells);
  }
  const { tsv, changed } = asText(source, lines, rows.place, 'disarmed');
  event.clipboardData.setData('text/plain', tsv);
  forgetProblem(COPY);
  said(source, lines.length, changed);
}

/** For where a text is meant to begin with `=`: nothing is put before it. */
export function copyAsTheyAre(source: Source): void {
  const { selection } = source;
  if (selection.focus.row >= 0 || isRange(selection)) void copyFetched(source, 'as they are');
}

function asText(
  { layout, selection }: Source,
  lines: readonly (readonly CellValue[])[],
  place: (column: string) => number,
  texts: Texts,
): Text {
  const { left, right } = boxOf(selection);
  const columns = layout.columns.slice(left, right + 1).map(({ name, kind }) => ({ at: place(name), kind }));
  let changed = false;
  const cell = (value: CellValue | undefined, kind: ColumnKind): string | null => {
    const text = cellText(value, kind);
    // Only texts can be formulas: a negative number stays one.
    if (kind !== 'text' || texts === 'as they are') return text;
    const safe = disarmed(text);
    changed ||= safe !== text;
    return safe;
  };
  const tsv = toTsv(lines.map((cells) => columns.map(({ at, kind }) => cell(cells[at], kind))));
  return { tsv, changed };
}

async function copyFetched(source: Source, texts: Texts): Promise<void> {
  const { panelId, request, rows, selection } = source;
  const box = boxOf(selection);
  const bottom = Math.min(box.bottom, box.top + COPY_ROWS_MAX - 1);
  await attempt(COPY, async () => {
    const found = await gather(
      (page, fresh) =>
        queryClient.fetchQuery({
          ...rowsQuery(panelId, request, page),
          ...(fresh ? { staleTime: 0 } : {}),
        }),
      box.top,
      bottom,
    );
    const gone = chosenOf(source).find((name) => !found.columns.includes(name));
    if (gone !== undefined && found.lines.length > 0) throw columnGone(gone);
    const place = (name: string) => found.columns.indexOf(name);
    const { tsv, changed } = asText(source, found.lines, place, texts);
    if (!(await copyText(tsv))) throw refused();
    said(source, found.lines.length, changed, rows.version === found.version ? null : 'later');
  });
}

const chosenOf = ({ layout, selection }: Source): string[] => {
  const { left, right } = boxOf(selection);
  return layout.columns.slice(left, right + 1).map(({ name }) => name);
};

// Nothing was asked of the server that it refused: the words say all there is to do.
const problem = (code: string, title: string, detail: string) =>
  new Problem(409, code, title, detail, null, [], null);

const columnGone = (name: string) =>
  problem(
    'web.column_gone',
    'The columns changed while they were copied',
    `There is no column ${name} any more. Nothing was copied: choose the cells again.`,
  );

const refused = () =>
  problem(
    'web.clipboard',
    'The browser did not let the cells onto the clipboard',
    'It does so only for a moment after a key is pressed, and fetching the rows took longer. They are here now: copy again.',
  );

/** `later`: they are not the rows that were chosen, but those at the same places of a later version. */
function said({ selection }: Source, copied: number, changed: boolean, version: 'later' | null = null): void {
  const box = boxOf(selection);
  const wanted = box.bottom - box.top + 1;
  const formulas = changed
    ? "Texts that a spreadsheet would run as formulas have a ' before them; Alt C copies them as they are."
    : '';
  const rest = [notCopied(wanted, copied), formulas].filter((text) => text !== '').join(' ');
  if (version === 'later')
    showDone(
      `Copied ${plural(copied, 'row')} of the new version`,
      `The rows changed while they were fetched: those at the same places were copied. ${rest}`.trim(),
    );
  else if (wanted > copied) showDone(`Copied the first ${plural(copied, 'row')}`, rest);
  else if (isRange(selection) || changed) showDone(`Copied ${plural(cellsIn(box), 'cell')}`, rest);
}

/** What is chosen: how many cells, and of numbers their sum and mean. */
export function SelectionFacts({ source }: { source: Source }) {
  const { rows, layout, selection } = source;
  if (!isRange(selection) || rows.count === 0)
    return <span className={classes.hint}>Click to sort, shift-click to add · ? for keys</span>;
  const box = boxOf(selection);
  const numbers: number[] = [];
  const columns = layout.columns.slice(box.left, box.right + 1).filter((one) => alignsEnd(one.kind));
  // Rows that are not here yet and numbers that are held as their digits are not summed: a sum without them would be another one.
  let whole = box.bottom - box.top < FACT_ROWS_MAX;
  for (let row = box.top; whole && row <= box.bottom; row += 1) {
    const cells = rows.row(row);
    if (!cells || rows.versionAt(row) !== rows.version) whole = false;
    for (const column of columns) {
      const value = cells?.[rows.place(column.name)];
      if (typeof value === 'number') numbers.push(value);
      else if (typeof value === 'string') whole = false;
    }
  }
  const sum = numbers.reduce((total, value) => total + value, 0);
  return (
    <span className="tabular">
      <span aria-live="polite">
        {plural(cellsIn(box), 'cell')} chosen
        {whole && numbers.length > 1 ? ` · sum ${figure(sum)} · mean ${figure(sum / numbers.length)}` : ''}
      </span>
      {' · '}
      <Anchor
        component="button"
        type="button"
        fz="inherit"
        title="Without a ' before texts that a spreadsheet would run as formulas (Alt C)"
        onClick={() => copyAsTheyAre(source)}
      >
        Copy as they are
      </Anchor>
    </span>
  );
}
