// The filter as people build it: a tree of groups and conditions; its form in the address and its form for the API.
import type { ColumnKind, PanelColumn } from '@/api/panels';
import { exact } from '@/lib/json';

export type Op =
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'
  | 'between'
  | 'in'
  | 'not_in'
  | 'contains'
  | 'not_contains'
  | 'starts_with'
  | 'ends_with'
  | 'is_empty'
  | 'is_not_empty';

export interface Condition {
  column: string;
  op: Op;
  values: readonly string[];
}

export interface Group {
  match: 'all' | 'any';
  parts: readonly Part[];
}

export type Part = Condition | Group;

export const isGroup = (part: Part): part is Group => 'parts' in part;
export const NO_FILTER: Group = { match: 'all', parts: [] };

/** How deep groups may stand in one another; the API's limit is 8, and days among times need two more. */
export const DEPTH_MAX = 5;

const ORDERED: readonly Op[] = [
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
  'between',
  'in',
  'not_in',
  'is_empty',
  'is_not_empty',
];
const OPS: Record<ColumnKind, readonly Op[]> = {
  text: [
    'contains',
    'not_contains',
    'eq',
    'ne',
    'starts_with',
    'ends_with',
    'in',
    'not_in',
    'is_empty',
    'is_not_empty',
  ],
  integer: ORDERED,
  number: ORDERED,
  date: ORDERED,
  datetime: ORDERED,
  boolean: ['eq', 'ne', 'is_empty', 'is_not_empty'],
};

export const opsOf = (kind: ColumnKind): readonly Op[] => OPS[kind];

const WORDS: Record<Op, string> = {
  eq: 'is',
  ne: 'is not',
  lt: '<',
  le: '≤',
  gt: '>',
  ge: '≥',
  between: 'between',
  in: 'is any of',
  not_in: 'is none of',
  contains: 'contains',
  not_contains: 'does not contain',
  starts_with: 'starts with',
  ends_with: 'ends with',
  is_empty: 'is empty',
  is_not_empty: 'is not empty',
};
const TIME_WORDS: Partial<Record<Op, string>> = { lt: 'before', le: 'until', gt: 'after', ge: 'from' };

export function opWord(op: Op, kind: ColumnKind): string {
  return (kind === 'date' || kind === 'datetime' ? TIME_WORDS[op] : undefined) ?? WORDS[op];
}

/** How many values an operator takes. */
export function arity(op: Op): 'none' | 'one' | 'two' | 'many' {
  if (op === 'is_empty' || op === 'is_not_empty') return 'none';
  if (op === 'between') return 'two';
  return op === 'in' || op === 'not_in' ? 'many' : 'one';
}

export const noColumn = (column: string): string => `There is no column ${column}`;

/** Why a condition cannot be applied yet, or null when it can. */
export function incomplete(condition: Condition, kind: ColumnKind | undefined): string | null {
  if (!kind) return noColumn(condition.column);
  if (!OPS[kind].includes(condition.op)) return `“${WORDS[condition.op]}” does not fit ${kind}`;
  const wanted = { none: 0, one: 1, two: 2, many: 1 }[arity(condition.op)];
  if (condition.values.length < wanted) return 'Value missing';
  for (const value of condition.values) {
    const wrong = wrongValue(value, kind);
    if (wrong) return wrong;
  }
  return null;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** As people write numbers. `Number` also reads spaces as 0 and 0x10 as 16: other rows than the words say. */
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

function wrongValue(value: string, kind: ColumnKind): string | null {
  if (value === '') return 'Value missing';
  if (kind === 'integer' && !/^[+-]?\d{1,19}$/.test(value)) return 'Not a whole number';
  if (kind === 'number' && !(DECIMAL.test(value) && Number.isFinite(Number(value)))) return 'Not a number';
  if (kind === 'boolean' && value !== 'true' && value !== 'false') return 'Not true or false';
  if (kind === 'date' && !(DATE.test(value) && Number.isFinite(Date.parse(value))))
    return 'Not a date (2013-01-31)';
  if (kind === 'datetime' && !Number.isFinite(Date.parse(instant(value))))
    return 'Not a time (2013-01-31 10:00)';
  return null;
}

/** Times are typed in UTC, as the grid shows them; seconds and zone may be left out. */
export function instant(value: string): string {
  const text = value.trim().replace(' ', 'T');
  if (DATE.test(text)) return `${text}T00:00:00Z`;
  const seconds = /T\d{2}:\d{2}$/.test(text) ? `${text}:00` : text;
  return /(Z|[+-]\d{2}:\d{2})$/.test(seconds) ? seconds : `${seconds}Z`;
}

/** A day without a time is all of it among times: its first microsecond and its last. A time is but itself. */
function span(value: string): readonly [first: string, last: string] {
  const text = value.trim();
  if (!DATE.test(text)) return [instant(text), instant(text)];
  return [instant(text), `${text}T23:59:59.999999Z`];
}

/** A condition on a time, each of its values a time or a day. */
function timeFilter({ column, op, values }: Condition): object {
  const spans = values.map(span);
  const [first, last]: readonly [string, string] = spans[0] ?? ['', ''];
  const is = ([from, to]: readonly [string, string]) =>
    from === to ? { column, op: 'eq', value: from } : { column, op: 'between', value: [from, to] };
  const days = spans.filter(([from, to]) => from !== to);
  const times = spans.filter(([from, to]) => from === to).map(([time]) => time);
  const some = [...(times.length > 0 ? [{ column, op: 'in', value: times }] : []), ...days.map(is)];
  switch (op) {
    case 'eq':
      return is([first, last]);
    case 'ne':
      return first === last ? { column, op, value: first } : { not: is([first, last]) };
    case 'lt':
    case 'ge':
      return { column, op, value: first };
    case 'le':
    case 'gt':
      return { column, op, value: last };
    case 'between':
      return { column, op, value: [first, spans[1]?.[1] ?? last] };
    case 'in':
      return some.length === 1 && some[0] ? some[0] : { any: some };
    case 'not_in':
      if (days.length === 0) return { column, op, value: times };
      return { not: some.length === 1 && some[0] ? some[0] : { any: some } };
    default:
      return { column, op };
  }
}

function apiValue(value: string, kind: ColumnKind | undefined): string | number | boolean {
  // What does not fit goes as it stands: the API refuses it, and nothing else than was asked for is answered.
  if (!kind || wrongValue(value, kind)) return value;
  if (kind === 'integer') return exact(value);
  if (kind === 'number') return Number(value);
  if (kind === 'boolean') return value === 'true';
  return kind === 'datetime' ? instant(value) : value;
}

/** The filter of the API, with every condition: one that cannot be applied must not turn into other rows. */
export function apiFilter(part: Part, columns: readonly PanelColumn[]): object | null {
  if (isGroup(part)) {
    const parts = part.parts.map((one) => apiFilter(one, columns)).filter((one) => one !== null);
    if (parts.length < 2) return parts[0] ?? null;
    return { [part.match]: parts };
  }
  const kind = columns.find((column) => column.name === part.column)?.kind;
  if (kind === 'datetime' && incomplete(part, kind) === null) return timeFilter(part);
  const values = part.values.map((value) => apiValue(value, kind));
  const { column, op } = part;
  switch (arity(op)) {
    case 'none':
      return { column, op };
    case 'one':
      return { column, op, value: values[0] };
    default:
      return { column, op, value: values };
  }
}

/** The conditions that cannot be applied to these columns, each with the reason. */
export function refusals(
  part: Part,
  columns: readonly PanelColumn[],
): { condition: Condition; why: string }[] {
  if (isGroup(part)) return part.parts.flatMap((one) => refusals(one, columns));
  const why = incomplete(part, columns.find(({ name }) => name === part.column)?.kind);
  return why === null ? [] : [{ condition: part, why: why.charAt(0).toLowerCase() + why.slice(1) }];
}

/** The filter without the conditions that `drop` names, and without groups that they leave empty. */
export function without(group: Group, drop: (condition: Condition) => boolean): Group {
  const parts = group.parts.flatMap((part): Part[] => {
    if (!isGroup(part)) return drop(part) ? [] : [part];
    const inner = without(part, drop);
    return inner.parts.length > 0 ? [inner] : [];
  });
  return { ...group, parts };
}

/** A condition in words, as people read it. */
export function describe(part: Part, columns: readonly PanelColumn[]): string {
  if (isGroup(part))
    return part.parts.map((one) => describe(one, columns)).join(part.match === 'all' ? ' and ' : ' or ');
  const { column, op, values } = part;
  const word = opWord(op, columns.find(({ name }) => name === column)?.kind ?? 'text');
  // Where a comma stands between values, one inside of them is marked.
  const named = values.map((one) => (arity(op) === 'many' && one.includes(',') ? `“${one}”` : one));
  const value = named.join(arity(op) === 'two' ? ' and ' : ', ');
  return [column, word, value].filter(Boolean).join(' ');
}

/** Each part in words, with a key of its own: two may say the same. */
export function chips(
  parts: readonly Part[],
  columns: readonly PanelColumn[],
): { part: Part; text: string; key: string }[] {
  const seen = new Map<string, number>();
  return parts.map((part) => {
    const text = describe(part, columns);
    const nth = (seen.get(text) ?? 0) + 1;
    seen.set(text, nth);
    return { part, text, key: `${nth} ${text}` };
  });
}

// ---- The address: all(month.between(6,8),any(origin.eq(JFK),dep_delay.gt(30)))

const BARE_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_-]*$/u;
const BARE_VALUE = /^[\p{L}\p{N}_.:+-]+$/u;
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

export const writeName = (name: string): string => (BARE_NAME.test(name) ? name : quoted(name));
const writeValue = (value: string): string => (BARE_VALUE.test(value) ? value : quoted(value));

function writePart(part: Part): string {
  if (isGroup(part)) return `${part.match}(${part.parts.map(writePart).join(',')})`;
  const values = part.values.length > 0 ? `(${part.values.map(writeValue).join(',')})` : '';
  return `${writeName(part.column)}.${part.op}${values}`;
}

/** The root `all` is left out where that reads the same. */
export function writeFilter(root: Group): string | undefined {
  if (root.parts.length === 0) return undefined;
  return root.match === 'all' ? root.parts.map(writePart).join(',') : writePart(root);
}

const ALL_OPS = new Set<string>(Object.keys(WORDS));

class Reader {
  at = 0;

  constructor(readonly text: string) {}

  get done(): boolean {
    return this.at >= this.text.length;
  }

  take(mark: string): boolean {
    if (!this.text.startsWith(mark, this.at)) return false;
    this.at += mark.length;
    return true;
  }

  need(mark: string): void {
    if (!this.take(mark)) throw new SyntaxError(`${mark} expected at ${this.at + 1}`);
  }

  /** A quoted text, or the longest bare one. */
  word(bare: RegExp): string {
    if (!this.take("'")) {
      bare.lastIndex = this.at;
      const found = bare.exec(this.text)?.[0];
      if (!found) throw new SyntaxError(`a word expected at ${this.at + 1}`);
      this.at += found.length;
      return found;
    }
    let out = '';
    for (;;) {
      const end = this.text.indexOf("'", this.at);
      if (end < 0) throw new SyntaxError('a quote is not closed');
      out += this.text.slice(this.at, end);
      this.at = end + 1;
      if (!this.take("'")) return out;
      out += "'";
    }
  }

  list<T>(one: () => T): T[] {
    const items = [one()];
    while (this.take(',')) items.push(one());
    return items;
  }

  part = (): Part => {
    for (const match of ['all', 'any'] as const) {
      if (!this.take(`${match}(`)) continue;
      const parts = this.take(')') ? [] : this.list(this.part);
      if (parts.length > 0) this.need(')');
      return { match, parts };
    }
    const column = this.word(/[\p{L}\p{N}_-]+/uy);
    this.need('.');
    const op = this.word(/[a-z_]+/y);
    if (!ALL_OPS.has(op)) throw new SyntaxError(`${op} is not an operator`);
    const values = this.take('(') ? this.list(() => this.word(/[\p{L}\p{N}_.:+-]+/uy)) : [];
    if (values.length > 0) this.need(')');
    return { column, op: op as Op, values };
  };
}

/** Reads the address's form; null when it cannot be read. */
export function readFilter(text: string | undefined): Group | null {
  if (!text) return NO_FILTER;
  try {
    const reader = new Reader(text);
    const parts = reader.list(reader.part);
    if (!reader.done) return null;
    const [only] = parts;
    return parts.length === 1 && only && isGroup(only) ? only : { match: 'all', parts };
  } catch {
    return null;
  }
}

/** Names in a list, as `sort`, `cols` and `pin` hold them; null when it cannot be read. */
export function readNames(
  text: string | undefined,
): { name: string; minus: boolean; after: string }[] | null {
  if (!text) return [];
  try {
    const reader = new Reader(text);
    const names = reader.list(() => {
      const minus = reader.take('-');
      const name = reader.word(/[\p{L}\p{N}_-]+/uy);
      const after = reader.take(':') ? reader.word(/\d+/y) : '';
      return { name, minus, after };
    });
    return reader.done ? names : null;
  } catch {
    return null;
  }
}
