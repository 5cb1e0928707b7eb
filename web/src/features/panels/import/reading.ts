// How a file is read: what a person says about it, what a panel that is there says about it, and how much of that must be sent. Pure.
import type { Answer } from '@/api/client';
import type { Import, Panel } from '@/api/panels';

export type Detected = Answer<'/v1/panels/preview', 'post'>;
export type ReadOptions = Detected['options'];
export type Mode = Import['mode'];

/** What a person says about the file; what is absent is detected. */
export interface Hints {
  format?: ReadOptions['format'];
  encoding?: NonNullable<ReadOptions['encoding']>;
  delimiter?: string;
  /** The empty text says that nothing is quoted. */
  quote?: string;
  header?: NonNullable<ReadOptions['header']>;
  nulls?: string[];
  columns: ColumnHint[];
}

export interface ColumnHint {
  source: string;
  name?: string;
  kind?: ReadOptions['columns'][number]['kind'];
  skip?: boolean;
}

/** Nothing is said: all is detected. */
export const NO_HINTS: Hints = { columns: [] };

/**
 * In a panel that is there, columns of the same name keep their type. Says so of those for which another one was detected: of
 * very many columns not all can be named in the address of a preview.
 */
export function withKinds(hints: Hints, detected: ReadOptions, target: Panel | null): Hints {
  const kinds = new Map(target?.columns.map(({ name, kind }) => [name, kind]));
  const columns = new Map(hints.columns.map((hint) => [hint.source, hint]));
  for (const { source, kind } of detected.columns) {
    const wanted = kinds.get(source);
    const hint = columns.get(source);
    if (wanted && wanted !== kind && !hint?.kind) columns.set(source, { ...hint, source, kind: wanted });
  }
  return { ...hints, columns: [...columns.values()] };
}

/** The options to send; null where the server finds the same by itself. */
export function neededOptions(bare: ReadOptions | null, options: ReadOptions): ReadOptions | null {
  return bare && JSON.stringify(bare) === JSON.stringify(options) ? null : options;
}

/** The same options without what each column is anyway. */
export function shortened(options: ReadOptions): object {
  const columns = options.columns.map(({ skip, ...column }) => (skip ? { ...column, skip } : column));
  return { ...options, columns };
}

/** How a file is read, as it is shown, and what of that is sent. */
interface Plan {
  detected: Detected;
  /** Null: nothing, the server finds the same by itself. */
  options: ReadOptions | null;
}

/**
 * Of very many columns not all can be named in an address (`fits`). Where a person corrected nothing, that hinders no one:
 * behind rows that are there the server finds their types by itself, and a replacing file is read as it was detected.
 */
export function planned(
  bare: ReadOptions | null,
  corrected: Detected,
  typed: Detected,
  mode: Mode,
  fits: (options: ReadOptions) => boolean,
): Plan {
  const options = neededOptions(bare, typed.options);
  const untouched = neededOptions(bare, corrected.options) === null;
  if (options === null || fits(options) || !untouched) return { detected: typed, options };
  return { detected: mode === 'append' ? typed : corrected, options: null };
}

/** How the columns of a file differ from those of a panel. Their order does not count: they are found by their names. */
interface Changes {
  gone: string[];
  come: string[];
  /** In words: from which type to which. */
  changed: string[];
  /** Objects leave out what they have no value for: appended rows have nothing there. */
  empty: string[];
}

export function compare(target: Panel, options: ReadOptions, mode: Mode): Changes {
  const kept = options.columns.filter((column) => !column.skip);
  const mine = new Map(kept.map((column) => [column.name, column]));
  const theirs = new Set(target.columns.map(({ name }) => name));
  const known = new Set(options.columns.flatMap(({ name, source }) => [name, source]));
  const filled = mode === 'append' && options.format === 'ndjson';
  const changed: string[] = [];
  const gone: string[] = [];
  const empty: string[] = [];
  for (const { name, kind } of target.columns) {
    const column = mine.get(name);
    if (!column) (filled && !known.has(name) ? empty : gone).push(name);
    else if (column.kind !== kind) changed.push(`${name} (${kind} → ${column.kind})`);
  }
  const come = kept.map(({ name }) => name).filter((name) => !theirs.has(name));
  return { gone, come, changed, empty };
}

/** Whether they are other columns: what is only left empty are the same. */
export const differs = ({ gone, come, changed }: Changes): boolean =>
  gone.length + come.length + changed.length > 0;

type PreviewCells = Detected['preview']['rows'][number]['cells'];

/** Of a line's cells beyond the first `shown` ones: the first that does not fit its column, and how many others do not. */
export function unseenBad(
  columns: ReadOptions['columns'],
  cells: PreviewCells,
  shown: number,
): { column: string; text: string; reason: string | null; others: number } | null {
  const bad = cells.flatMap(({ state, text, reason }, index) => {
    const column = columns[index];
    if (index < shown || state !== 'bad' || !column) return [];
    return [{ column: column.name, text, reason: reason ?? null }];
  });
  return bad[0] ? { ...bad[0], others: bad.length - 1 } : null;
}

/** A title from a file's name: `flights_2013.csv` becomes `flights 2013`. */
export function titleOf(name: string): string {
  const bare = name.replace(/(\.(csv|tsv|tab|txt|ndjson|jsonl|ldjson))+$/i, '');
  const words = bare.replace(/[_\s]+/g, ' ').trim();
  return [...(words || name)].slice(0, 80).join('');
}
