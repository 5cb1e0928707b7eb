// One input for each kind of field; ids are chosen by name where an operation lists what they name.
import {
  FileInput,
  JsonInput,
  MultiSelect,
  PasswordInput,
  Select,
  Switch,
  TagsInput,
  TextInput,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { address, refuse } from '@/api/client';
import { useMe } from '@/api/identity';
import { lister, type Operation } from './operations';
import classes from './Palette.module.css';
import type { Errors, Field, Typed } from './schema';

export interface Inputs {
  typed: Typed;
  errors: Errors;
  file: File | null;
  operations: readonly Operation[];
  set: (at: string, value: string | readonly string[]) => void;
  setFile: (file: File | null) => void;
  /** Told the words behind a chosen id. */
  onPicked: (at: string, label: string) => void;
}

const text = (value: Typed[string] | undefined): string => (typeof value === 'string' ? value : '');
const many = (value: Typed[string] | undefined): string[] => (Array.isArray(value) ? [...value] : []);

/** `file_name` is "File name"; an id is called by what it names. */
function wordOf({ name, id }: Field): string {
  const thing =
    id && /(^|_)id$/.test(name)
      ? id
          .replace(/Id$/, '')
          .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
          .toLowerCase()
      : null;
  const words = thing ?? name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function Fields({ fields, inputs }: { fields: readonly Field[]; inputs: Inputs }) {
  return (
    <div className={classes.fields}>
      {fields.map((field) => (
        <Input key={field.at} field={field} inputs={inputs} />
      ))}
    </div>
  );
}

function Input({ field, inputs }: { field: Field; inputs: Inputs }) {
  const { at, required, kind, choices, schema } = field;
  const { typed, errors, set } = inputs;
  if (kind === 'object') {
    return (
      <fieldset className={classes.set}>
        <legend>{wordOf(field)}</legend>
        <Fields fields={field.fields} inputs={inputs} />
      </fieldset>
    );
  }
  const common = {
    label: wordOf(field),
    description: help(field),
    required,
    withAsterisk: required,
    error: errors[at] ?? null,
  };
  if (field.id) return <Pick field={field} inputs={inputs} common={common} />;
  const onText = {
    value: text(typed[at]),
    onChange: (event: { currentTarget: { value: string } }) => set(at, event.currentTarget.value),
  };
  switch (kind) {
    case 'secret':
      return <PasswordInput {...common} {...onText} autoComplete="off" />;
    case 'choice':
      return (
        <Select
          {...common}
          data={[...choices]}
          value={text(typed[at]) || null}
          onChange={(value) => set(at, value ?? '')}
          clearable={!required}
          searchable={choices.length > 8}
          openOnFocus={false}
          {...(schema.default === undefined ? {} : { placeholder: String(schema.default) })}
        />
      );
    case 'boolean':
      return required ? (
        <Switch
          label={common.label}
          description={common.description}
          checked={typed[at] === 'true'}
          onChange={(event) => set(at, String(event.currentTarget.checked))}
        />
      ) : (
        <Select
          {...common}
          data={['true', 'false']}
          value={text(typed[at]) || null}
          clearable
          onChange={(value) => set(at, value ?? '')}
        />
      );
    case 'choices':
      return (
        <MultiSelect
          {...common}
          data={[...choices]}
          value={many(typed[at])}
          onChange={(value) => set(at, value)}
        />
      );
    case 'list':
      return (
        <TagsInput
          {...common}
          value={many(typed[at])}
          onChange={(value) => set(at, value)}
          placeholder="Enter after each"
        />
      );
    case 'json':
      return (
        <JsonInput
          {...common}
          value={text(typed[at])}
          onChange={(value) => set(at, value)}
          autosize
          minRows={3}
          maxRows={14}
          placeholder="JSON"
          classNames={{ input: 'mono' }}
        />
      );
    case 'file':
      return (
        <FileInput
          {...common}
          label="File"
          placeholder="Choose a file"
          value={inputs.file}
          onChange={inputs.setFile}
          clearable={false}
        />
      );
    default:
      return (
        <TextInput
          {...common}
          {...onText}
          autoComplete="off"
          {...(kind === 'text' ? {} : { inputMode: 'decimal' as const })}
          {...(schema.default === undefined ? {} : { placeholder: String(schema.default) })}
        />
      );
  }
}

/** The words of the spec, and the limits it names. */
function help({ help: words, kind, schema }: Field): string | undefined {
  const { minimum: least, maximum: most } = schema;
  const range =
    kind !== 'integer' && kind !== 'number'
      ? ''
      : least !== undefined && most !== undefined && most < Number.MAX_SAFE_INTEGER
        ? `${least} to ${most}`
        : least !== undefined
          ? `${least} or more`
          : '';
  return [words, range].filter(Boolean).join(' · ') || undefined;
}

interface Common {
  label: string;
  description: string | undefined;
  required: boolean;
  error: string | null;
}

function Pick({ field, inputs, common }: { field: Field; inputs: Inputs; common: Common }) {
  const [search, setSearch] = useState('');
  const { typed, set, onPicked } = inputs;
  const value = text(typed[field.at]);
  const picks = usePicks(field, inputs);
  const typedId = search.trim();
  const data = [...picks];
  for (const id of [value, /^[0-9a-f-]{36}$/i.test(typedId) ? typedId : ''])
    if (id && !data.some((one) => one.value === id)) data.push({ value: id, label: id });
  return (
    <Select
      {...common}
      description={common.description}
      data={data}
      value={value || null}
      onChange={(id, option) => {
        set(field.at, id ?? '');
        onPicked(field.at, option?.label ?? '');
      }}
      searchable
      openOnFocus={false}
      clearable={!field.required}
      onSearchChange={setSearch}
      placeholder="Choose, or paste an id"
      nothingFoundMessage="Nothing of that name; an id can be pasted"
    />
  );
}

interface Pickable {
  value: string;
  label: string;
}

const PICKS_LIMIT = 200;
const LABELS = ['title', 'name', 'email', 'file_name', 'user_agent'] as const;

/** What an id can be: asked of the operation that lists such things, with what the form already says about its path. */
function usePicks(field: Field, { typed, operations }: Inputs): Pickable[] {
  const me = useMe();
  const from = field.id ? lister(field.id, operations) : undefined;
  const path = Object.fromEntries(
    (from?.parameters ?? [])
      .filter((one) => one.at.startsWith('path/'))
      .map((one) => [one.name, text(typed[one.at])]),
  );
  const ready = from !== undefined && Object.values(path).every(Boolean) && !(field.name in path);
  const limit = from?.parameters.some((one) => one.at === 'query/limit') ? { limit: PICKS_LIMIT } : {};
  const url = from ? address(from.path, path, limit) : '';
  const found = useQuery({
    queryKey: ['palette', 'picks', url],
    queryFn: async ({ signal }) => {
      const response = await fetch(url, {
        signal,
        headers: { accept: 'application/json' },
        cache: 'no-store',
      });
      if (!response.ok) return refuse(response);
      return (await response.json()) as { items?: readonly Record<string, unknown>[] };
    },
    enabled: ready,
    staleTime: 10_000,
  });
  if (field.id === 'TenantId') return me.tenants.map((one) => ({ value: one.id, label: one.name }));
  return (found.data?.items ?? []).flatMap((item) => {
    const id = item['id'] ?? item[field.name];
    const name = LABELS.map((key) => item[key]).find((one) => typeof one === 'string' && one !== '');
    return typeof id === 'string' ? [{ value: id, label: typeof name === 'string' ? name : id }] : [];
  });
}
