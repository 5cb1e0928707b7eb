// The operations as the served spec describes them, made ready to be found, filled in and sent.
import { queryOptions } from '@tanstack/react-query';
import { api } from '@/api/client';
import { type Field, fieldOf, fieldsOf, propertiesOf, type Schema, type Schemas } from './schema';

interface SpecParameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface SpecOperation {
  operationId: string;
  summary?: string;
  description?: string;
  parameters?: readonly SpecParameter[];
  requestBody?: { required?: boolean; content?: Readonly<Record<string, { schema?: Schema }>> };
  responses?: Readonly<Record<string, { content?: Readonly<Record<string, { schema?: Schema }>> }>>;
  'x-permission'?: string | null;
  'x-risk'?: 'read' | 'change' | 'danger';
}

interface Spec {
  paths: Readonly<Record<string, Readonly<Record<string, SpecOperation>>>>;
  components?: { schemas?: Schemas };
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  about: string;
  permission: string | null;
  risk: 'read' | 'change' | 'danger';
  /** Of path and query. */
  parameters: readonly Field[];
  body:
    | { kind: 'none' }
    | { kind: 'json'; fields: readonly Field[] }
    | { kind: 'file'; types: readonly string[]; field: Field };
  /** Takes an Idempotency-Key, so that a send that is repeated is carried out once. */
  once: boolean;
  /** What it answers with on success. */
  answers: readonly string[];
  /** Where it answers with a list: what one of its things has, and which of it are ids, by the names of their schemas. */
  items: Readonly<Record<string, string | null>> | null;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

export const operationsQuery = queryOptions({
  queryKey: ['server', 'operations'],
  queryFn: async ({ signal }) => readSpec((await api.get('/v1/openapi.json', { signal })) as unknown as Spec),
  // It belongs to the build that serves it.
  staleTime: 10 * 60_000,
});

/** All operations that can be called by one request. */
export function readSpec(spec: Spec): Operation[] {
  const schemas = spec.components?.schemas ?? {};
  const all: Operation[] = [];
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const method of METHODS) {
      const operation = methods[method];
      // A socket is opened, not called.
      if (operation && !operation.responses?.['101'])
        all.push(readOperation(path, method, operation, schemas));
    }
  }
  return all;
}

function readOperation(path: string, method: string, it: SpecOperation, schemas: Schemas): Operation {
  const given = (it.parameters ?? []).filter((one) => one.in === 'path' || one.in === 'query');
  const parameters = given.map((one) => {
    const schema = { ...one.schema, ...(one.description ? { description: one.description } : {}) };
    return fieldOf(`${one.in}/${one.name}`, schema, one.required === true, schemas);
  });
  const answers = Object.entries(it.responses ?? {}).filter(([status]) => status.startsWith('2'));
  return {
    id: it.operationId,
    method: method.toUpperCase(),
    path,
    summary: it.summary ?? it.operationId,
    about: it.description ?? '',
    permission: it['x-permission'] ?? null,
    risk: it['x-risk'] ?? (method === 'get' ? 'read' : 'change'),
    parameters: [...parameters.filter((one) => one.required), ...parameters.filter((one) => !one.required)],
    body: readBody(it, schemas),
    once: (it.parameters ?? []).some((one) => one.in === 'header' && one.name === 'Idempotency-Key'),
    answers: [...new Set(answers.flatMap(([, { content }]) => Object.keys(content ?? {})))],
    items: itemsOf(
      answers.map(([, { content }]) => content?.['application/json']?.schema).find(Boolean),
      schemas,
    ),
  };
}

function itemsOf(answer: Schema | undefined, schemas: Schemas): Operation['items'] {
  const items = answer && propertiesOf(answer, schemas)['items'];
  if (items?.type !== 'array') return null;
  const has = Object.entries(propertiesOf(items, schemas));
  return Object.fromEntries(has.map(([name, schema]) => [name, fieldOf(name, schema, false, schemas).id]));
}

function readBody({ requestBody }: SpecOperation, schemas: Schemas): Operation['body'] {
  const content = requestBody?.content;
  if (!content) return { kind: 'none' };
  const json = content['application/json']?.schema;
  if (!json) {
    const field = fieldOf(
      'file',
      { type: 'string', format: 'binary' },
      requestBody.required === true,
      schemas,
    );
    return { kind: 'file', types: Object.keys(content), field: { ...field, kind: 'file' } };
  }
  const fields = fieldsOf('body', json, schemas);
  if (fields.length > 0) return { kind: 'json', fields };
  return { kind: 'json', fields: [fieldOf('body', json, requestBody.required === true, schemas)] };
}

/** Those that the actor may call: open ones, and those whose permission they hold. */
export function callable(operations: readonly Operation[], permissions: readonly string[]): Operation[] {
  return operations.filter(({ permission }) => permission === null || permissions.includes(permission));
}

/** A list that names what an id can be, and under which name its things have that id. */
interface Lister {
  list: Operation;
  id: string;
}

/**
 * The list of what a field can be. In a path it is what stands before the field, so that a key of an account is picked from that
 * account's keys; inside of something nothing else is asked. Elsewhere it is the list of the noun: `PanelId` is of `panel_list`.
 */
export function lister(field: Field, of: Operation, operations: readonly Operation[]): Lister | undefined {
  if (!field.id) return undefined;
  const before = field.at.startsWith('path/') ? (of.path.split(`/{${field.name}}`)[0] ?? '') : '';
  const among = listing(
    operations.find((one) => one.method === 'GET' && one.path === before),
    field,
    of,
  );
  if (among || before.includes('{')) return among;
  const noun = field.id
    .replace(/Id$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase();
  // A person is listed as a member of the company.
  const names = noun === 'user' ? ['user_list', 'member_list'] : [`${noun}_list`];
  return listing(
    operations.find((one) => one.method === 'GET' && names.includes(one.id)),
    field,
    of,
  );
}

/** It, if it lists such things, and needs nothing but what stands in the path of the operation as well. */
function listing(list: Operation | undefined, field: Field, of: Operation): Lister | undefined {
  const items = list?.items;
  if (!list || !items) return undefined;
  const known = (at: string) => at !== field.at && of.parameters.some((one) => one.at === at);
  const free = list.parameters.every(({ at, required }) => (at.startsWith('path/') ? known(at) : !required));
  const id = [field.name, 'id'].find((name) => items[name] === field.id);
  return free && id ? { list, id } : undefined;
}

/** What a path ends with: `…/api-keys/{id}` with the collection `api-keys` and the field `id`. */
function endOf({ path, parameters }: Operation, end: RegExp): { among: string; field: Field } | undefined {
  const [, among = '', name = ''] = end.exec(path) ?? [];
  const field = parameters.find(({ at }) => at === `path/${name}`);
  return field ? { among, field } : undefined;
}

/** A list of what hangs on the thing an operation is about, and the parameter of the list that says on which. */
interface Hanging {
  list: Operation;
  field: Field;
  /** What is listed: `made keys`. */
  word: string;
}

/** `/api-keys/{id}/made-keys` is of whatever ends with `/api-keys/{…}`, as far as its path can be filled. */
export function hanging(of: Operation, operations: readonly Operation[]): Hanging[] {
  const own = endOf(of, /([^/{}]+)\/\{(\w+)\}$/);
  if (!own) return [];
  return operations.flatMap((list) => {
    const end = endOf(list, /([^/{}]+)\/\{(\w+)\}\/[^/{}]+$/);
    if (list.method !== 'GET' || !list.items || !end) return [];
    const same = end.among === own.among && end.field.id === own.field.id;
    const known = (at: string) => at === end.field.at || of.parameters.some((one) => one.at === at);
    const free = list.parameters.every(({ at, required }) =>
      at.startsWith('path/') ? known(at) : !required,
    );
    const word = list.path.split('/').at(-1)?.replaceAll('-', ' ') ?? '';
    return same && free ? [{ list, field: end.field, word }] : [];
  });
}
