// The first rows as they would be read; each column with its name, type and whether it is taken; cells that do not fit marked.
import { Checkbox, Select, TextInput, Tooltip } from '@mantine/core';
import { TriangleAlert } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { ColumnKind } from '@/api/panels';
import { count, plural } from '@/lib/format';
import { type ColumnHint, type Detected, unseenBad } from './reading';
import classes from './Wizard.module.css';

const KINDS: readonly ColumnKind[] = ['text', 'integer', 'number', 'boolean', 'date', 'datetime'];
/** So many columns can be corrected here; a file with more is read as detected, or described through the API. */
const COLUMNS_SHOWN_MAX = 120;

const REASONS: Record<string, string> = {
  too_few_fields: 'fewer fields than columns',
  too_many_fields: 'more fields than columns',
  line_too_long: 'the line is longer than 1 MiB',
  field_too_long: 'the field is longer than 256 KiB',
  quote_open: 'a quote is never closed',
  quote_trailing: 'text after a closing quote',
  encoding: 'not in these characters',
  json_invalid: 'not JSON',
  json_not_object: 'not a JSON object',
  not_integer: 'not a whole number',
  integer_range: 'beyond 64 bits',
  not_number: 'not a number',
  not_boolean: 'not true or false',
  not_date: 'not a date',
  not_date_time: 'not a date and time',
};
const reasonWord = (reason: string | null | undefined) => REASONS[reason ?? ''] ?? reason ?? 'cannot be read';

type OnColumn = (source: string, change: Omit<ColumnHint, 'source'>) => void;

export function PreviewTable({
  detected,
  said,
  onColumn,
}: {
  detected: Detected;
  /** What was corrected: shown at once, before the cells follow. */
  said: readonly ColumnHint[];
  onColumn: OnColumn;
}) {
  const { options, preview } = detected;
  const columns = options.columns.slice(0, COLUMNS_SHOWN_MAX).map((column) => corrected(column, said));
  const more = options.columns.length - columns.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className={classes.preview} tabIndex={0} aria-label="The first rows, as they would be read">
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col" className={classes.lineNumber}>
              Line
            </th>
            {columns.map((column) => (
              <ColumnHead key={column.source} column={column} onColumn={onColumn} />
            ))}
            {more > 0 ? (
              <th scope="col" className={classes.more}>
                and {plural(more, 'more column')}, read as detected
              </th>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {preview.rows.map((row) => (
            <tr key={row.line} data-bad={row.reason ? true : undefined}>
              <td className={classes.lineNumber}>{row.line}</td>
              {row.reason && row.cells.length === 0 ? (
                <td colSpan={columns.length + (more > 0 ? 1 : 0)} className={classes.badLine}>
                  <TriangleAlert size={13} aria-hidden /> Left out: {reasonWord(row.reason)}.{' '}
                  <span className="mono">{row.text}</span>
                </td>
              ) : (
                columns.map((column, index) => (
                  <PreviewCell key={column.source} cell={row.cells[index]} column={column} />
                ))
              )}
              {more > 0 && row.cells.length > 0 ? (
                <Unseen bad={unseenBad(options.columns, row.cells, columns.length)} />
              ) : null}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

type Column = Detected['options']['columns'][number];

/** A name is the server's: it makes equal ones different. */
function corrected(column: Column, said: readonly ColumnHint[]): Column {
  const hint = said.find(({ source }) => source === column.source);
  return { ...column, kind: hint?.kind ?? column.kind, skip: hint?.skip ?? column.skip ?? false };
}

type Cell = Detected['preview']['rows'][number]['cells'][number];

function PreviewCell({ cell, column: { kind, skip } }: { cell: Cell | undefined; column: Column }) {
  const end = kind === 'integer' || kind === 'number';
  if (!cell || cell.state === 'empty') return <td data-state="empty">–</td>;
  if (cell.state !== 'bad') {
    return (
      <td data-state={skip ? 'skipped' : cell.state} data-end={end || undefined} title={cell.text}>
        {cell.text}
      </td>
    );
  }
  return (
    <td data-state="bad" data-end={end || undefined}>
      <Tooltip
        label={`${cell.text}: ${reasonWord(cell.reason)}. The whole line would be left out.`}
        maw={320}
      >
        <span>
          <TriangleAlert size={12} aria-hidden /> {cell.text}
          <span className="hidden-visually"> ({reasonWord(cell.reason)})</span>
        </span>
      </Tooltip>
    </td>
  );
}

/** What would leave a line out may stand where no column is shown. */
function Unseen({ bad }: { bad: ReturnType<typeof unseenBad> }) {
  if (!bad) return <td />;
  const others = bad.others > 0 ? `; and ${count(bad.others)} more` : '';
  const words = `${bad.column}: ${bad.text} (${reasonWord(bad.reason)})${others}`;
  return (
    <td data-state="bad" title={`${words}. The whole line would be left out.`}>
      <TriangleAlert size={12} aria-hidden /> {words}
    </td>
  );
}

function ColumnHead({ column, onColumn }: { column: Column; onColumn: OnColumn }) {
  const { source, name, kind, skip } = column;
  return (
    <th scope="col" data-skip={skip || undefined}>
      <div className={classes.columnHead}>
        <Checkbox
          aria-label={`Take the column ${source}`}
          checked={!skip}
          onChange={(event) => onColumn(source, { skip: !event.currentTarget.checked })}
        />
        <NameField source={source} name={name} onName={(next) => onColumn(source, { name: next })} />
      </div>
      <Select
        aria-label={`Type of the column ${source}`}
        data={KINDS}
        value={kind}
        disabled={skip === true}
        variant="unstyled"
        comboboxProps={{ width: 140, position: 'bottom-start' }}
        onChange={(next) => next && onColumn(source, { kind: next as ColumnKind })}
      />
    </th>
  );
}

/** Sent when it is left or Enter is pressed, not with each key. */
function NameField({
  source,
  name,
  onName,
}: {
  source: string;
  name: string;
  onName: (name: string) => void;
}) {
  const [text, setText] = useState(name);
  useEffect(() => setText(name), [name]);
  const send = () => {
    const trimmed = text.trim();
    if (trimmed && trimmed !== name) onName(trimmed);
    else setText(name);
  };
  return (
    <TextInput
      aria-label={`Name of the column ${source}`}
      variant="unstyled"
      value={text}
      maxLength={128}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={send}
      onKeyDown={(event) => event.key === 'Enter' && send()}
      classNames={{ input: classes.nameInput ?? '' }}
    />
  );
}
