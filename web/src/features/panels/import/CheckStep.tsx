// Step two: how the file is read. Everything detected is shown with what comes out of it, and can be corrected.
import { Button, FileButton, Loader, SegmentedControl, Select, TagsInput, TextInput } from '@mantine/core';
import { FileText } from 'lucide-react';
import { useState } from 'react';
import type { Panel } from '@/api/panels';
import { bytes, count, plural } from '@/lib/format';
import { Confirm } from '@/ui/Confirm';
import { ActButton } from '@/ui/Guarded';
import { Note } from '@/ui/Note';
import { ProblemNote } from '@/ui/ProblemNote';
import { DropZone } from '../DropZone';
import { titleRule } from '../panelDialogs';
import { PreviewTable } from './PreviewTable';
import type { ColumnHint, Detected, Hints, Mode, ReadOptions } from './upload';
import classes from './Wizard.module.css';

interface Props {
  file: File;
  target: Panel | null;
  mode: Mode;
  onMode?: (mode: Mode) => void;
  title: string;
  onTitle: (title: string) => void;
  hints: Hints;
  onHints: (hints: Hints) => void;
  detected: Detected | null;
  reading: boolean;
  error: unknown;
  onRetry: () => void;
  /** Why the import before failed, or null. */
  failed: unknown;
  /** It was started, and the panel is being made. */
  making: boolean;
  onOther: () => void;
  onFile: (file: File) => void;
  onStart: (options: ReadOptions) => void;
}

export function CheckStep(props: Props) {
  const {
    file,
    target,
    mode,
    onMode,
    title,
    onTitle,
    hints,
    onHints,
    detected,
    reading,
    error,
    failed,
    onFile,
  } = props;
  const refused = whyNot(props);
  const [asking, setAsking] = useState(false);
  const gone = target && detected && mode === 'replace' ? compare(target, detected.options).gone : [];
  const start = () => detected && props.onStart(detected.options);
  const setColumn = (source: string, change: Omit<ColumnHint, 'source'>) => {
    const before = hints.columns.find((one) => one.source === source);
    const rest = hints.columns.filter((one) => one.source !== source);
    onHints({ ...hints, columns: [...rest, { source, ...before, ...change }] });
  };
  return (
    <>
      <DropZone refused={null} label="Drop it to read this file instead" onFile={onFile} />
      <div className={classes.fileLine}>
        <FileText size={16} aria-hidden />
        <b>{file.name}</b>
        <span className={classes.quiet}>{bytes(file.size)}</span>
        <FileButton onChange={(next) => next && onFile(next)} inputProps={{ 'aria-label': 'Another file' }}>
          {(button) => (
            <Button {...button} variant="subtle">
              Another file
            </Button>
          )}
        </FileButton>
        {reading ? <Loader size={14} aria-label="Reading" /> : null}
      </div>
      {failed ? (
        <div className={classes.block}>
          <ProblemNote error={failed} />
        </div>
      ) : null}
      {error ? (
        <div className={classes.block}>
          <ProblemNote error={error} onRetry={props.onRetry} />
        </div>
      ) : null}
      <div className={classes.fields}>
        {target ? null : (
          <TextInput
            label="Title of the panel"
            value={title}
            error={titleRule(title)}
            onChange={(event) => onTitle(event.currentTarget.value)}
            className={classes.words ?? ''}
          />
        )}
        {target && onMode ? (
          <div>
            <div className={classes.label} id="import-mode">
              Rows that are there
            </div>
            <SegmentedControl
              aria-labelledby="import-mode"
              value={mode}
              onChange={(next) => onMode(next === 'append' ? 'append' : 'replace')}
              data={[
                { value: 'replace', label: 'Replace all' },
                { value: 'append', label: 'Keep, append' },
              ]}
            />
          </div>
        ) : null}
        {detected ? <Dialect options={detected.options} hints={hints} onHints={onHints} /> : null}
      </div>
      {detected ? (
        <>
          <Found detected={detected} />
          {target ? <Differences target={target} mode={mode} options={detected.options} /> : null}
          <PreviewTable detected={detected} onColumn={setColumn} />
        </>
      ) : null}
      <div className={classes.bar}>
        <Button onClick={props.onOther}>Back</Button>
        <ActButton
          variant="filled"
          refused={refused}
          loading={props.making}
          onClick={() => (gone.length > 0 ? setAsking(true) : start())}
        >
          {target ? (mode === 'append' ? 'Append rows' : 'Import') : 'Create panel and import'}
        </ActButton>
      </div>
      {asking && target ? (
        <Confirm
          title={`Take ${plural(gone.length, 'column')} out of ${target.title}?`}
          action="Replace all rows"
          onClose={() => setAsking(false)}
          onConfirm={async () => start()}
        >
          <Named names={gone} /> {gone.length === 1 ? 'is' : 'are'} not in this file. Its values in all{' '}
          {plural(target.rows, 'row')} are lost for everyone, and filters and sorts by{' '}
          {gone.length === 1 ? 'it' : 'them'} no longer work. This cannot be undone.
        </Confirm>
      ) : null}
    </>
  );
}

/** Some names in full, the rest counted. */
function Named({ names }: { names: readonly string[] }) {
  const rest = names.length - NAMED_MAX;
  return (
    <>
      <b>{names.slice(0, NAMED_MAX).join(', ')}</b>
      {rest > 0 ? ` and ${plural(rest, 'more column', 'more columns')}` : ''}
    </>
  );
}

function whyNot({ detected, reading, error, target, title, mode }: Props): string | null {
  if (error) return 'The file cannot be read this way: see above.';
  if (!detected || reading) return 'Reading the file…';
  if (detected.options.columns.every((column) => column.skip)) return 'At least one column must stay.';
  if (!target && titleRule(title)) return 'The panel needs a title.';
  if (target && mode === 'append' && !same(compare(target, detected.options))) {
    return 'To append, the columns must be the same as the panel’s.';
  }
  return null;
}

const DELIMITERS = [
  { value: ',', label: 'Comma  ,' },
  { value: ';', label: 'Semicolon  ;' },
  { value: '\t', label: 'Tab' },
  { value: '|', label: 'Pipe  |' },
  { value: ':', label: 'Colon  :' },
  { value: ' ', label: 'Space' },
];

const ENCODINGS = [
  { value: 'utf-8', label: 'UTF-8' },
  { value: 'windows-1252', label: 'Windows-1252' },
  { value: 'utf-16le', label: 'UTF-16 LE' },
  { value: 'utf-16be', label: 'UTF-16 BE' },
] as const;

/** Format, delimiter, quote, header, words for empty. Another dialect has other columns: their corrections start anew. */
function Dialect({
  options,
  hints,
  onHints,
}: {
  options: ReadOptions;
  hints: Hints;
  onHints: (hints: Hints) => void;
}) {
  const anew = (change: Partial<Hints>) => onHints({ ...hints, ...change, columns: [] });
  const delimited = options.format !== 'ndjson';
  const delimiter = options.delimiter ?? ',';
  const delimiters = DELIMITERS.some((one) => one.value === delimiter)
    ? DELIMITERS
    : [...DELIMITERS, { value: delimiter, label: delimiter }];
  return (
    <>
      <Select
        label="Format"
        className={classes.field ?? ''}
        data={[
          { value: 'csv', label: 'CSV' },
          { value: 'tsv', label: 'TSV' },
          { value: 'ndjson', label: 'NDJSON' },
        ]}
        value={options.format}
        onChange={(format) => format && anew({ format: format as ReadOptions['format'] })}
      />
      {options.format === 'csv' ? (
        <Select
          label="Delimiter"
          className={classes.field ?? ''}
          data={delimiters}
          value={delimiter}
          onChange={(next) => next && anew({ delimiter: next })}
        />
      ) : null}
      {delimited ? (
        <>
          <Select
            label="Quote"
            className={classes.field ?? ''}
            data={[
              { value: '"', label: 'Double "' },
              { value: "'", label: "Single '" },
              { value: 'none', label: 'None' },
            ]}
            value={options.quote ? options.quote : 'none'}
            onChange={(quote) => quote && anew({ quote: quote === 'none' ? '' : quote })}
          />
          <Select
            label="First line"
            className={classes.field ?? ''}
            data={[
              { value: 'present', label: 'Column names' },
              { value: 'absent', label: 'Data' },
            ]}
            value={options.header ?? 'present'}
            onChange={(header) => header && anew({ header: header as 'present' | 'absent' })}
          />
        </>
      ) : null}
      <Select
        label="Characters"
        className={classes.field ?? ''}
        data={ENCODINGS}
        value={options.encoding ?? 'utf-8'}
        onChange={(encoding) =>
          encoding && anew({ encoding: encoding as NonNullable<ReadOptions['encoding']> })
        }
      />
      <TagsInput
        label="Words for an empty cell"
        className={classes.words ?? ''}
        data={['NA', 'N/A', 'null', 'NULL', '-', 'nan']}
        value={(options.nulls ?? []).filter((word) => word !== '')}
        onChange={(nulls) => onHints({ ...hints, nulls: ['', ...nulls] })}
        acceptValueOnBlur
      />
    </>
  );
}

/** What detection wants to be looked at. */
function Found({ detected }: { detected: Detected }) {
  const { preview } = detected;
  // How many lines are left out is said once, in words of its own.
  const issues = detected.issues.filter((issue) => issue.kind !== 'bad_lines');
  const { sample_bad_lines: bad, sample_rows: rows } = preview;
  if (issues.length === 0 && bad === 0) {
    return (
      <div className={classes.block}>
        <Note state="ok">
          {rows === 0
            ? 'There is no line of data: the panel gets its columns and no rows.'
            : rows === 1
              ? 'The one line can be read.'
              : `All of the first ${plural(rows, 'line')} can be read.`}{' '}
          {plural(detected.options.columns.length, 'column')}.
        </Note>
      </div>
    );
  }
  return (
    <div className={classes.block}>
      <Note state="info">
        {bad > 0 ? (
          <p className={classes.line}>
            {rows === 1 ? 'The one line' : `${count(bad)} of the first ${plural(rows, 'line')}`} cannot be
            read this way and would be left out. {bad === 1 ? 'It is' : 'They are'} kept with{' '}
            {bad === 1 ? 'its' : 'their'} line number and can be downloaded after the import.
          </p>
        ) : null}
        {issues.length > 0 ? (
          <ul className={classes.issues}>
            {issues.slice(0, 8).map((issue) => (
              <li key={`${issue.kind} ${issue.column ?? ''} ${issue.detail}`}>
                {issue.column ? <b>{issue.column}: </b> : null}
                {issue.detail}
              </li>
            ))}
            {issues.length > 8 ? <li>and {issues.length - 8} more</li> : null}
          </ul>
        ) : null}
      </Note>
    </div>
  );
}

const NAMED_MAX = 8;

interface Changes {
  gone: string[];
  come: string[];
  /** In words: from which type to which. */
  changed: string[];
}

/** How the file's columns differ from the panel's. */
function compare(target: Panel, options: ReadOptions): Changes {
  const kept = options.columns.filter((column) => !column.skip);
  const changed: string[] = [];
  const gone: string[] = [];
  for (const { name, kind } of target.columns) {
    const mine = kept.find((column) => column.name === name);
    if (!mine) gone.push(name);
    else if (mine.kind !== kind) changed.push(`${name} (${kind} → ${mine.kind})`);
  }
  const there = new Set(target.columns.map(({ name }) => name));
  return { gone, changed, come: kept.map(({ name }) => name).filter((name) => !there.has(name)) };
}

const same = ({ gone, come, changed }: Changes) => gone.length + come.length + changed.length === 0;

function Differences({ target, mode, options }: { target: Panel; mode: Mode; options: ReadOptions }) {
  if (target.columns.length === 0) return null;
  const changes = compare(target, options);
  if (same(changes)) return null;
  const lines = [
    { word: mode === 'append' ? 'Missing in the file' : 'Go away, with their values', names: changes.gone },
    { word: mode === 'append' ? 'Not in the panel' : 'New', names: changes.come },
    { word: mode === 'append' ? 'Another type' : 'Change their type', names: changes.changed },
  ].filter(({ names }) => names.length > 0);
  return (
    <div className={classes.block}>
      <Note state={mode === 'append' || changes.gone.length > 0 ? 'warn' : 'info'}>
        {mode === 'append'
          ? "These columns differ from the panel's. Correct them below, or replace instead of append."
          : `The columns of ${target.title} change, for everyone who looks at it.`}
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
