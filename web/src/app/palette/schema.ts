// A form from a JSON schema: which fields there are, and what the typed texts amount to. Pure: no React, no network.
import { exact, parseKept } from '@/lib/json';

export interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  items?: Schema;
  oneOf?: readonly Schema[];
  anyOf?: readonly Schema[];
  allOf?: readonly Schema[];
  additionalProperties?: boolean | Schema;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  default?: unknown;
  description?: string;
}

export type Schemas = Readonly<Record<string, Schema>>;

export type FieldKind =
  | 'text'
  | 'secret'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'list'
  | 'choices'
  | 'json'
  | 'object'
  | 'file';

export interface Field {
  /** Where its value goes: `path/id`, `query/limit`, `body/role`, `body/limits/rows`. */
  at: string;
  name: string;
  help: string;
  required: boolean;
  kind: FieldKind;
  choices: readonly string[];
  /** Fields of an object. */
  fields: readonly Field[];
  /** The name of the schema of ids, where it is one: what it names can be picked from a list. */
  id: string | null;
  schema: Schema;
}

/** What was typed, by the place of its field. A switch is `true` or `false`, a list is an array. */
export type Typed = Readonly<Record<string, string | readonly string[]>>;

interface Resolved {
  schema: Schema;
  /** The last named schema on the way. */
  named: string | null;
  nullable: boolean;
}

const DEPTH_MAX = 6;

/** Follows references and takes `null` out of unions. */
function resolve(schema: Schema, schemas: Schemas, depth = 0): Resolved {
  const help = schema.description === undefined ? {} : { description: schema.description };
  if (schema.$ref !== undefined && depth < DEPTH_MAX) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    const inner = resolve(schemas[name] ?? {}, schemas, depth + 1);
    return { ...inner, schema: { ...inner.schema, ...help }, named: inner.named ?? name };
  }
  const union = schema.oneOf ?? schema.anyOf ?? (schema.allOf?.length === 1 ? schema.allOf : undefined);
  if (union && depth < DEPTH_MAX) {
    const real = union.filter((one) => one.type !== 'null');
    if (real.length === 1 && real[0]) {
      const inner = resolve(real[0], schemas, depth + 1);
      const nullable = inner.nullable || real.length < union.length;
      return { ...inner, schema: { ...inner.schema, ...help }, nullable };
    }
  }
  return { schema, named: null, nullable: Array.isArray(schema.type) && schema.type.includes('null') };
}

function typeOf({ type }: Schema): string | undefined {
  return typeof type === 'string' ? type : type?.find((one) => one !== 'null');
}

export function fieldOf(at: string, schema: Schema, required: boolean, schemas: Schemas): Field {
  const resolved = resolve(schema, schemas);
  const it = resolved.schema;
  const name = at.split('/').at(-1) ?? at;
  const base = {
    at,
    name,
    help: it.description ?? '',
    required: required && !resolved.nullable,
    choices: [] as readonly string[],
    fields: [] as readonly Field[],
    id: it.format === 'uuid' ? resolved.named : null,
    schema: it,
  };
  const kind = kindOf(it, schemas, at.split('/').length);
  if (kind === 'choice') return { ...base, kind, choices: (it.enum ?? []).map(String) };
  if (kind === 'choices') {
    const inner = it.items ? resolve(it.items, schemas).schema : {};
    return { ...base, kind, choices: (inner.enum ?? []).map(String) };
  }
  if (kind === 'object') return { ...base, kind, fields: fieldsOf(at, it, schemas) };
  return { ...base, kind };
}

function kindOf(schema: Schema, schemas: Schemas, depth: number): FieldKind {
  if (schema.enum) return 'choice';
  switch (typeOf(schema)) {
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'string':
      return schema.format === 'password' ? 'secret' : 'text';
    case 'array': {
      const inner = schema.items ? resolve(schema.items, schemas).schema : {};
      if (inner.enum) return 'choices';
      return typeOf(inner) === 'string' ? 'list' : 'json';
    }
    case 'object':
      return schema.properties && depth < DEPTH_MAX ? 'object' : 'json';
    default:
      return 'json';
  }
}

/** What an object has; of a list of objects, what one of them has. */
export function propertiesOf(schema: Schema, schemas: Schemas): Readonly<Record<string, Schema>> {
  const { schema: it } = resolve(schema, schemas);
  return (it.items ? propertiesOf(it.items, schemas) : it.properties) ?? {};
}

/** The fields of an object; those that must be given come first. */
export function fieldsOf(at: string, schema: Schema, schemas: Schemas): Field[] {
  const { schema: it } = resolve(schema, schemas);
  const must = new Set(it.required);
  const all = Object.entries(it.properties ?? {}).map(([name, one]) =>
    fieldOf(`${at}/${name}`, one, must.has(name), schemas),
  );
  return [...all.filter((field) => field.required), ...all.filter((field) => !field.required)];
}

/** What stands in the form before anything is typed. */
export function starting(fields: readonly Field[]): Typed {
  const typed: Record<string, string | readonly string[]> = {};
  for (const field of fields) {
    if (field.kind === 'object') Object.assign(typed, starting(field.fields));
    else if (field.kind === 'boolean' && field.required) typed[field.at] = 'false';
    else if (field.required && field.choices.length === 1) typed[field.at] = field.choices[0] ?? '';
  }
  return typed;
}

/** Whether anything was typed, chosen or emptied between the two. */
export function differs(typed: Typed, before: Typed): boolean {
  const filled = (value: Typed[string] | undefined) => (value?.length ? JSON.stringify(value) : '');
  return [...Object.keys(typed), ...Object.keys(before)].some(
    (at) => filled(typed[at]) !== filled(before[at]),
  );
}

export type Errors = Readonly<Record<string, string>>;

/** The value a field amounts to, for `writeExact`; undefined is left out of the request. Adds to `errors` what is wrong. */
export function valueIn(field: Field, typed: Typed, errors: Record<string, string>): unknown {
  if (field.kind === 'object') return objectOf(field, typed, errors);
  const raw = typed[field.at];
  if (Array.isArray(raw)) {
    if (raw.length > 0) return raw;
    if (field.required) return [];
    return undefined;
  }
  const text = (raw as string | undefined) ?? '';
  if (text === '') {
    if (field.required && field.kind === 'list') return [];
    if (field.required) errors[field.at] = field.id ? 'Choose one' : 'Needed';
    return undefined;
  }
  const wrong = wrongText(text, field);
  if (wrong) {
    errors[field.at] = wrong;
    return undefined;
  }
  switch (field.kind) {
    case 'integer':
      return exact(text);
    case 'number':
      return Number(text);
    case 'boolean':
      return text === 'true';
    case 'json':
      return parseKept(text);
    default:
      return text;
  }
}

function objectOf(field: Field, typed: Typed, errors: Record<string, string>): unknown {
  const inner: Record<string, string> = {};
  const value: Record<string, unknown> = {};
  for (const one of field.fields) {
    const made = valueIn(one, typed, inner);
    if (made !== undefined) value[one.name] = made;
  }
  // An object that need not be given, and of which nothing was given, is not missed.
  if (!field.required && Object.keys(value).length === 0 && !touched(field, typed)) return undefined;
  Object.assign(errors, inner);
  return value;
}

const touched = (field: Field, typed: Typed): boolean =>
  field.fields.some((one) =>
    one.kind === 'object' ? touched(one, typed) : (typed[one.at] ?? '').length > 0 && one.kind !== 'boolean',
  );

function wrongText(text: string, { kind, schema }: Field): string | null {
  if (kind === 'integer' || kind === 'number') return wrongNumber(text, kind, schema);
  if (kind === 'json') {
    try {
      JSON.parse(text);
      return null;
    } catch (error) {
      return `Not JSON: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  if (kind !== 'text' && kind !== 'secret') return null;
  const length = [...text].length;
  if (schema.minLength !== undefined && length < schema.minLength)
    return `At least ${schema.minLength} characters`;
  if (schema.maxLength !== undefined && length > schema.maxLength)
    return `At most ${schema.maxLength} characters`;
  if (schema.format === 'uuid' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text))
    return 'Not an id';
  if (schema.pattern !== undefined && !fits(text, schema.pattern)) return `Does not fit ${schema.pattern}`;
  return null;
}

function wrongNumber(text: string, kind: FieldKind, { minimum, maximum }: Schema): string | null {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) return 'Not a number';
  if (kind === 'integer' && !/^-?\d+$/.test(text)) return 'Not a whole number';
  if (minimum !== undefined && value < minimum) return `At least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `At most ${maximum}`;
  return null;
}

function fits(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    // A dialect that browsers do not read: the server decides.
    return true;
  }
}
