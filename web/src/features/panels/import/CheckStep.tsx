// Step two: how the file is read. Everything detected is shown with what comes out of it, and can be corrected.
import { Button, FileButton, Loader, SegmentedControl, Select, TagsInput, TextInput } from '@mantine/core';
import { FileText } from 'lucide-react';
import type { Panel } from '@/api/panels';
import { bytes, plural } from '@/lib/format';
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
          {target && mode === 'append' ? <Differences target={target} options={detected.options} /> : null}
          <PreviewTable detected={detected} onColumn={setColumn} />
        </>
      ) : null}
      <div className={classes.bar}>
        <Button onClick={props.onOther}>Back</Button>
        <ActButton
          variant="filled"
          refused={refused}
          onClick={() => detected && props.onStart(detected.options)}
        >
          {target ? (mode === 'append' ? 'Append rows' : 'Import') : 'Create panel and import'}
        </ActButton>
      </div>
    </>
  );
}

function whyNot({ detected, reading, error, target, title, mode }: Props): string | null {
  if (error) return 'The file cannot be read this way: see above.';
  if (!detected || reading) return 'Reading the file…';
  if (detected.options.columns.every((column) => column.skip)) return 'At least one column must stay.';
  if (!target && titleRule(title)) return 'The panel needs a title.';
  if (target && mode === 'append' && differences(target, detected.options).length > 0) {
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
          All of the first {plural(rows, 'line')} can be read.{' '}
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
            {plural(bad, 'line')} of the first {plural(rows, 'line')} cannot be read this way and would be
            left out. They are kept with their line number and can be downloaded after the import.
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

/** How the file's columns differ from the panel's, in words. */
function differences(target: Panel, options: ReadOptions): string[] {
  const kept = options.columns.filter((column) => !column.skip);
  const words: string[] = [];
  for (const { name, kind } of target.columns) {
    const mine = kept.find((column) => column.name === name);
    if (!mine) words.push(`${name} is missing`);
    else if (mine.kind !== kind) words.push(`${name} is ${mine.kind}, the panel has ${kind}`);
  }
  for (const { name } of kept) {
    if (!target.columns.some((column) => column.name === name)) words.push(`${name} is not in the panel`);
  }
  return words;
}

function Differences({ target, options }: { target: Panel; options: ReadOptions }) {
  const words = differences(target, options);
  if (words.length === 0) return null;
  return (
    <div className={classes.block}>
      <Note state="warn">
        These columns differ from the panel's. Correct them below, or replace instead of append.
        <ul className={classes.issues}>
          {words.slice(0, 8).map((word) => (
            <li key={word}>{word}</li>
          ))}
          {words.length > 8 ? <li>and {words.length - 8} more</li> : null}
        </ul>
      </Note>
    </div>
  );
}
