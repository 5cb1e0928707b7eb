// The palette's pure parts: fields from a schema, values from what was typed, the request they make, and finding.
import { readFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { ROLES, type Role, roleHolds } from '../src/api/identity';
import { find, score } from '../src/app/palette/find';
import { callable, hanging, lister, type Operation, readSpec } from '../src/app/palette/operations';
import { differs, type Field, fieldsOf, type Schema, type Typed, valueIn } from '../src/app/palette/schema';
import { asCurl, prepare } from '../src/app/palette/send';
import { writeExact } from '../src/lib/json';

afterEach(() => vi.unstubAllGlobals());

const spec = JSON.parse(readFileSync(new URL('../../spec/openapi.json', import.meta.url), 'utf8'));
const operations = readSpec(spec);
const operation = (id: string) => {
  const found = operations.find((one) => one.id === id);
  if (!found) throw new Error(`no operation ${id}`);
  return found;
};

const schemas: Record<string, Schema> = {
  Role: { type: 'string', enum: ['viewer', 'owner'] },
  PanelId: { type: 'string', format: 'uuid' },
  Limits: {
    type: 'object',
    required: ['rows'],
    properties: { rows: { type: 'integer', minimum: 1 }, hard: { type: 'boolean' } },
  },
};
const thing: Schema = {
  type: 'object',
  required: ['title', 'role', 'count', 'on'],
  properties: {
    note: { oneOf: [{ type: 'null' }, { type: 'string', maxLength: 3 }] },
    title: { type: 'string', minLength: 2 },
    role: { $ref: '#/components/schemas/Role', description: 'As what' },
    count: { type: 'integer', minimum: 1, maximum: 9 },
    share: { type: ['number', 'null'] },
    on: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
    roles: { type: 'array', items: { $ref: '#/components/schemas/Role' } },
    panel: { $ref: '#/components/schemas/PanelId' },
    limits: { $ref: '#/components/schemas/Limits' },
    more: { type: 'object', additionalProperties: true },
    secret: { type: 'string', format: 'password' },
  },
};
const fields = fieldsOf('body', thing, schemas);
const kinds = (of: readonly Field[]) => Object.fromEntries(of.map((one) => [one.name, one.kind]));

/** The values of all fields, and what is wrong. */
function values(typed: Typed) {
  const errors: Record<string, string> = {};
  const made = Object.fromEntries(fields.map((field) => [field.name, valueIn(field, typed, errors)]));
  return { made: JSON.parse(JSON.stringify(made)), errors };
}

test('each kind of schema is a kind of field; what must be given comes first', () => {
  expect(kinds(fields)).toEqual({
    title: 'text',
    role: 'choice',
    count: 'integer',
    on: 'boolean',
    note: 'text',
    share: 'number',
    tags: 'list',
    roles: 'choices',
    panel: 'text',
    limits: 'object',
    more: 'json',
    secret: 'secret',
  });
  expect(fields.slice(0, 4).every((field) => field.required)).toBe(true);
  expect(fields.find(({ name }) => name === 'role')).toMatchObject({
    help: 'As what',
    choices: ['viewer', 'owner'],
  });
  expect(fields.find(({ name }) => name === 'panel')?.id).toBe('PanelId');
});

test('what was typed becomes values of their type; what was not is left out', () => {
  const { made, errors } = values({
    'body/title': 'Flights',
    'body/role': 'owner',
    'body/count': '7',
    'body/share': '-0.5',
    'body/on': 'true',
    'body/tags': ['a', 'b'],
    'body/limits/rows': '3',
    'body/more': '{"x":[1]}',
  });
  expect(errors).toEqual({});
  expect(made).toEqual({
    title: 'Flights',
    role: 'owner',
    count: 7,
    share: -0.5,
    on: true,
    tags: ['a', 'b'],
    limits: { rows: 3 },
    more: { x: [1] },
  });
});

test('whole numbers are sent with all their digits: in a field of their own, in JSON, in the address, in the command', () => {
  const errors: Record<string, string> = {};
  const wide: Schema = {
    type: 'object',
    properties: { id: { type: 'integer' }, more: { type: 'object', additionalProperties: true } },
  };
  const typed = { 'body/id': '9007199254740993', 'body/more': '{"ids":[9223372036854775807, 7]}' };
  const made = fieldsOf('body', wide, {}).map((field) => [field.name, valueIn(field, typed, errors)]);
  expect(writeExact(Object.fromEntries(made))).toBe(
    '{"id":9007199254740993,"more":{"ids":[9223372036854775807,7]}}',
  );
  const [body] = fieldsOf('body', wide, {}).filter(({ name }) => name === 'more');
  if (!body) throw new Error('no field');
  const one: Operation = {
    ...operation('panel_create'),
    parameters: [],
    body: { kind: 'json', fields: [body] },
  };
  vi.stubGlobal('window', { location: { protocol: 'https:', origin: 'https://wheelhouse.example' } });
  const prepared = prepare(one, typed, null);
  expect(prepared.errors === null && asCurl(prepared.request)).toContain(
    `--data '{"more":{"ids":[9223372036854775807,7]}}'`,
  );
  const id = '01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11';
  const far = prepare(operation('row_list'), { 'path/id': id, 'query/offset': '9007199254740993' }, null);
  expect(far).toMatchObject({ request: { path: `/v1/panels/${id}/rows?offset=9007199254740993` } });
});

test('what was typed and taken back is nothing to lose', () => {
  const before = { 'path/id': 'x', 'body/on': 'false' };
  expect(differs({ ...before, 'body/title': '', 'body/tags': [] }, before)).toBe(false);
  expect(differs({ ...before, 'body/title': 'New' }, before)).toBe(true);
  expect(differs({ ...before, 'body/tags': ['a'] }, before)).toBe(true);
  expect(differs({ 'body/on': 'false' }, before)).toBe(true);
});

test('what is wrong stands beside its field', () => {
  const { errors } = values({
    'body/title': 'x',
    'body/count': '10',
    'body/share': 'much',
    'body/note': 'long',
    'body/limits/hard': 'true',
    'body/limits/rows': '1.5',
    'body/more': '{',
    'body/panel': 'seven',
  });
  expect(errors).toMatchObject({
    'body/title': 'At least 2 characters',
    'body/role': 'Needed',
    'body/count': 'At most 9',
    'body/share': 'Not a number',
    'body/note': 'At most 3 characters',
    'body/limits/rows': 'Not a whole number',
    'body/panel': 'Not an id',
    'body/on': 'Needed',
  });
  expect(errors['body/more']).toContain('Not JSON');
});

test('every operation of the spec but the socket has a form, and no field without a kind', () => {
  const all = Object.values(spec.paths as Record<string, object>).flatMap((methods) => Object.keys(methods));
  expect(operations).toHaveLength(all.length - 1);
  for (const one of operations) {
    for (const field of one.parameters) expect(field.kind, `${one.id} ${field.at}`).not.toBe('object');
    if (one.body.kind === 'json') expect(one.body.fields.length, one.id).toBeGreaterThan(0);
    for (const part of one.path.matchAll(/\{(\w+)\}/g))
      expect(
        one.parameters.some(({ at }) => at === `path/${part[1]}`),
        `${one.id} ${part[1]}`,
      ).toBe(true);
  }
});

test('only what the actor may call is offered', () => {
  const may = callable(operations, ['panels:read']).map(({ id }) => id);
  expect(may).toContain('panel_list');
  expect(may).toContain('session_create');
  expect(may).not.toContain('panel_delete');
  expect(may).not.toContain('member_remove');
});

/** The schema of an id that a thing of a list has under a name, read from the spec itself. */
function idSchema(list: Operation, name: string): string | undefined {
  const follow = (schema: Schema | undefined): Schema =>
    schema?.$ref ? follow(spec.components.schemas[schema.$ref.split('/').at(-1) ?? '']) : (schema ?? {});
  const answer = spec.paths[list.path].get.responses['200'].content['application/json'].schema;
  const property = follow(follow(follow(answer).properties?.['items']).items).properties?.[name];
  return property?.$ref?.split('/').at(-1);
}

test('every id in a path is picked from a list that exists and whose things carry that id', () => {
  const chosen: Record<string, string> = {};
  for (const one of operations) {
    for (const field of one.parameters.filter(({ at }) => at.startsWith('path/'))) {
      expect(field.id, `${one.id} ${field.at}`).not.toBeNull();
      const from = lister(field, one, operations);
      if (!from) throw new Error(`${one.id}: nothing lists ${field.at}`);
      expect(idSchema(from.list, from.id), `${one.id} ${field.at}`).toBe(field.id);
      const inner = from.list.parameters.filter(({ at }) => at.startsWith('path/'));
      // Its own path says nothing that the form does not, and not what is to be picked.
      for (const { at } of inner) {
        expect(at, one.id).not.toBe(field.at);
        expect(one.path.indexOf(`{${at.slice(5)}}`), one.id).toBeLessThan(
          one.path.indexOf(`{${field.name}}`),
        );
      }
      chosen[`${one.id} ${field.name}`] = `${from.list.id} ${from.id}`;
    }
  }
  expect(chosen).toMatchObject({
    'panel_update id': 'panel_list id',
    'import_stop import_id': 'import_list id',
    'member_remove user_id': 'member_list user_id',
    'service_account_delete account_id': 'service_account_list id',
    'service_account_key_create account_id': 'service_account_list id',
    'service_account_key_revoke account_id': 'service_account_list id',
    'service_account_key_revoke id': 'service_account_key_list id',
    'service_account_key_update id': 'service_account_key_list id',
    'api_key_revoke id': 'api_key_list id',
    'company_limits_set company_id': 'company_usage_list id',
    'parked_retry event_id': 'parked_list event_id',
  });
});

test('what is inside of something is never picked from what is elsewhere', () => {
  const revoke = operation('service_account_key_revoke');
  const key = revoke.parameters.find(({ at }) => at === 'path/id');
  if (!key) throw new Error('no key');
  const fewer = operations.filter(({ id }) => id !== 'service_account_key_list');
  expect(lister(key, revoke, fewer)).toBeUndefined();
  // In a body the noun says it.
  const panel = fields.find(({ name }) => name === 'panel');
  expect(panel && lister(panel, operation('panel_create'), operations)?.list.id).toBe('panel_list');
  expect(
    panel && lister({ ...panel, id: 'NothingId' }, operation('panel_create'), operations),
  ).toBeUndefined();
});

test('what hangs on a thing is counted by the lists inside of it', () => {
  const counted = (id: string) => hanging(operation(id), operations).map(({ list, word }) => [list.id, word]);
  expect(counted('panel_delete')).toEqual([['import_list', 'imports']]);
  expect(counted('api_key_revoke')).toEqual([['made_key_list', 'made keys']]);
  expect(counted('service_account_key_revoke')).toEqual([['made_key_list', 'made keys']]);
  expect(counted('service_account_delete')).toEqual([['service_account_key_list', 'api keys']]);
  expect(counted('member_remove')).toEqual([]);
  expect(counted('panel_create')).toEqual([]);
});

test('which role holds which permission is what the spec says', () => {
  const known = spec['x-permissions'] as { name: string; lowest_role: Role }[];
  for (const { name, lowest_role } of known) {
    const holders = ROLES.map(({ role }) => role).filter((role) => roleHolds(role, name));
    expect(holders[0], name).toBe(lowest_role);
    expect(holders.at(-1), name).toBe('owner');
  }
});

test('a filled form is a request', () => {
  const id = '01932d0a-7c1e-7b3a-9f2e-2f0f5e0a1c11';
  const renamed = prepare(operation('panel_update'), { 'path/id': id, 'body/title': 'New' }, null);
  expect(renamed).toMatchObject({
    errors: null,
    request: { method: 'PATCH', path: `/v1/panels/${id}`, json: { title: 'New' } },
  });
  const rows = prepare(operation('row_list'), { 'path/id': id, 'query/limit': '5', 'query/q': 'a b' }, null);
  expect(rows).toMatchObject({ errors: null, request: { path: `/v1/panels/${id}/rows?q=a+b&limit=5` } });
  expect(prepare(operation('row_list'), { 'query/limit': '5000' }, null)).toEqual({
    errors: { 'path/id': 'Choose one', 'query/limit': 'At most 1000' },
  });
  expect(prepare(operation('import_create'), { 'path/id': id, 'query/mode': 'replace' }, null)).toEqual({
    errors: { file: 'Choose a file' },
  });
  const sent = prepare(
    operation('import_create'),
    { 'path/id': id, 'query/mode': 'replace' },
    new File(['a'], 'a.csv', { type: 'text/csv' }),
  );
  expect(sent).toMatchObject({
    errors: null,
    request: { method: 'POST', path: `/v1/panels/${id}/imports?mode=replace` },
  });
});

test('the beginning of the label counts most, and every word must be there', () => {
  const things = ['List panels by title', 'Panels', 'Delete a panel', 'Members'].map((label) => ({
    label,
    words: '',
  }));
  expect(find(things, 'pan', 9).map(({ label }) => label)).toEqual([
    'Panels',
    'List panels by title',
    'Delete a panel',
  ]);
  expect(find(things, 'delete pan', 9).map(({ label }) => label)).toEqual(['Delete a panel']);
  expect(score({ label: 'Café', words: '' }, 'cafe')).toBeGreaterThan(0);
  expect(score({ label: 'Rename', words: 'panel_update' }, 'update')).toBeGreaterThan(0);
});
