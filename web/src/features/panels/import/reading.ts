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
 * very many columns not all can be named in an address.
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

/** Columns of NDJSON are found by their key, in any order: in the panel's, so that they can be appended. */
export function arranged(options: ReadOptions, target: Panel | null, mode: Mode): ReadOptions {
  if (!target || mode !== 'append' || options.format !== 'ndjson') return options;
  const places = new Map(target.columns.map(({ name }, place) => [name, place]));
  const last = target.columns.length;
  const place = ({ name, skip }: ReadOptions['columns'][number]) =>
    skip ? last : (places.get(name) ?? last);
  return { ...options, columns: options.columns.toSorted((a, b) => place(a) - place(b)) };
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

/** How the columns of a file differ from those of a panel. */
export interface Changes {
  gone: string[];
  come: string[];
  /** In words: from which type to which. */
  changed: string[];
  /** Those that both have stand in another order. */
  moved: boolean;
}

export function compare(target: Panel, options: ReadOptions): Changes {
  const kept = options.columns.filter((column) => !column.skip);
  const mine = new Map(kept.map((column) => [column.name, column]));
  const theirs = new Set(target.columns.map(({ name }) => name));
  const changed: string[] = [];
  const gone: string[] = [];
  for (const { name, kind } of target.columns) {
    const column = mine.get(name);
    if (!column) gone.push(name);
    else if (column.kind !== kind) changed.push(`${name} (${kind} → ${column.kind})`);
  }
  const names = kept.map(({ name }) => name);
  const both = names.filter((name) => theirs.has(name));
  const wanted = target.columns.map(({ name }) => name).filter((name) => mine.has(name));
  return {
    gone,
    changed,
    come: names.filter((name) => !theirs.has(name)),
    moved: both.some((name, place) => wanted[place] !== name),
  };
}

/** Whether anything differs that counts: rows that are replaced may have their columns in any order. */
export function differs({ gone, come, changed, moved }: Changes, mode: Mode): boolean {
  return gone.length + come.length + changed.length > 0 || (mode === 'append' && moved);
}

/** A title from a file's name: `flights_2013.csv` becomes `flights 2013`. */
export function titleOf(name: string): string {
  const bare = name.replace(/(\.(csv|tsv|tab|txt|ndjson|jsonl|ldjson))+$/i, '');
  const words = bare.replace(/[_\s]+/g, ' ').trim();
  return [...(words || name)].slice(0, 80).join('');
}
