// The operations as the served spec describes them, made ready to be found, filled in and sent.
import { queryOptions } from '@tanstack/react-query';
import { api } from '@/api/client';
import { type Field, fieldOf, fieldsOf, type Schema, type Schemas } from './schema';

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
  responses?: Readonly<Record<string, { content?: Readonly<Record<string, unknown>> }>>;
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
  };
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

/** The operation that lists what an id names: `PanelId` is of `panel_list`. */
export function lister(id: string, operations: readonly Operation[]): Operation | undefined {
  const noun = id
    .replace(/Id$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase();
  // A person is listed as a member of the company.
  const names = noun === 'user' ? ['user_list', 'member_list'] : [`${noun}_list`];
  return operations.find((one) => one.method === 'GET' && names.includes(one.id));
}
