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
import { EXACT_WORDS } from '../words';
import { Differences, Named } from './Differences';
import { PreviewTable } from './PreviewTable';
import {
  type ColumnHint,
  compare,
  type Detected,
  differs,
  type Hints,
  type Mode,
  type ReadOptions,
} from './reading';
import { fitsAddress } from './upload';
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
  /** What must be sent of how the file is read; null: nothing. */
  options: ReadOptions | null;
  reading: boolean;
  error: unknown;
  onRetry: () => void;
  /** Why the import before failed, or null. */
  failed: unknown;
  /** The import before was stopped, in time. */
  stopped: boolean;
  /** It was started, and the panel is being made. */
  making: boolean;
  onOther: () => void;
  onFile: (file: File) => void;
  onStart: () => void;
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
  const gone = target && detected && mode === 'replace' ? compare(target, detected.options, mode).gone : [];
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
      {props.stopped ? (
        <div className={classes.block}>
          <Note state="info">
            The import was stopped. {target ? `${target.title} is as it was before.` : 'Nothing was stored.'}
          </Note>
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
          <PreviewTable detected={detected} said={hints.columns} onColumn={setColumn} />
        </>
      ) : null}
      <div className={classes.bar}>
        <Button onClick={props.onOther}>Back</Button>
        <ActButton
          variant="filled"
          refused={refused}
          loading={props.making}
          onClick={() => (gone.length > 0 ? setAsking(true) : props.onStart())}
        >
          {target ? (mode === 'append' ? 'Append rows' : 'Import') : 'Create panel and import'}
        </ActButton>
      </div>
      {asking && target ? (
        <Confirm
          title={`Take ${plural(gone.length, 'column')} out of ${target.title}?`}
          action="Replace all rows"
          onClose={() => setAsking(false)}
          onConfirm={async () => props.onStart()}
        >
          <Named names={gone} /> {gone.length === 1 ? 'is' : 'are'} not in this file. Its values in all{' '}
          {plural(target.rows, 'row')} are lost for everyone, and filters and sorts by{' '}
          {gone.length === 1 ? 'it' : 'them'} no longer work. This cannot be undone.
        </Confirm>
      ) : null}
    </>
  );
}

function whyNot(props: Props): string | null {
  const { detected, reading, error, target, title, mode, file, options } = props;
  if (error) return 'The file cannot be read this way: see above.';
  if (!detected || reading) return 'Reading the file…';
  if (detected.options.columns.every((column) => column.skip)) return 'At least one column must stay.';
  if (!target && titleRule(title)) return 'The panel needs a title.';
  if (target && mode === 'append' && differs(compare(target, detected.options, mode))) {
    return 'To append, the columns must be the panel’s by name and type, in any order.';
  }
  if (!fitsAddress(file.name, mode, options)) {
    const columns = plural(detected.options.columns.length, 'column');
    return `A file of ${columns} can be imported as it is detected, but corrections of so many are too long to be sent. Take them back.`;
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
        {...EXACT_WORDS}
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
