// One input for each kind of field; ids are chosen by name where an operation lists what they name.
import {
  FileInput,
  JsonInput,
  MultiSelect,
  type OptionsFilter,
  PasswordInput,
  Select,
  Switch,
  TagsInput,
  TextInput,
} from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { Operation } from './operations';
import classes from './Palette.module.css';
import { called, type Picked, usePicks } from './picks';
import type { Errors, Field, Typed } from './schema';

export interface Inputs {
  typed: Typed;
  errors: Errors;
  file: File | null;
  operation: Operation;
  operations: readonly Operation[];
  /** What was chosen, by the place of its field. */
  picked: Readonly<Record<string, Picked>>;
  set: (at: string, value: string | readonly string[]) => void;
  setFile: (file: File | null) => void;
  /** Told what is behind a chosen id. */
  onPicked: (at: string, picked: Picked) => void;
}

const text = (value: Typed[string] | undefined): string => (typeof value === 'string' ? value : '');
const many = (value: Typed[string] | undefined): string[] => (Array.isArray(value) ? [...value] : []);

/** `file_name` is "File name", `account_id` an account; what is only `id` is called by what such ids name. */
function wordOf({ name, id }: Field): string {
  const thing = id?.replace(/Id$/, '').replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
  const words =
    id && name === 'id' && thing ? thing.toLowerCase() : name.replace(/_id$/, '').replaceAll('_', ' ');
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

/** More than these are not shown at once. */
const SHOWN_MAX = 200;
const SEARCH_AFTER_MS = 150;
const isId = (words: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(words);

function Pick({ field, inputs, common }: { field: Field; inputs: Inputs; common: Common }) {
  const [search, setSearch] = useState('');
  const { typed, set, picked, onPicked } = inputs;
  const value = text(typed[field.at]);
  const last = picked[field.at];
  const chosen = last?.value === value ? last : undefined;
  // The name of what is chosen is nothing to look for, and neither is an id.
  const words = search === chosen?.label || isId(search.trim()) ? '' : search.trim();
  const [q] = useDebouncedValue(words, SEARCH_AFTER_MS);
  const { picks, waits } = usePicks(field, inputs, q);
  // Kept while something else is looked for.
  const found = chosen ? undefined : picks.find((one) => one.value === value);
  useEffect(() => {
    if (found) onPicked(field.at, found);
  });
  const data: { value: string; label: string }[] = picks.map(({ value, label }) => ({ value, label }));
  for (const id of [value, isId(search.trim()) ? search.trim() : ''])
    if (id && !data.some((one) => one.value === id))
      data.push({ value: id, label: id === chosen?.value ? chosen.label : id });
  const byValue = new Map(picks.map((one) => [one.value, one]));
  const filter: OptionsFilter = ({ options, search: sought }) => {
    const [id, lower] = [sought.trim(), sought.trim().toLowerCase()];
    const fits = (one: { value: string; label: string }) => {
      const pick = byValue.get(one.value);
      return one.value === id || (pick ? called(pick, lower) : one.label.toLowerCase().includes(lower));
    };
    return options.filter((one) => 'value' in one && fits(one)).slice(0, SHOWN_MAX);
  };
  return (
    <Select
      {...common}
      data={data}
      value={value || null}
      onChange={(id) => {
        set(field.at, id ?? '');
        const pick = picks.find((one) => one.value === id);
        if (pick) onPicked(field.at, pick);
      }}
      filter={filter}
      searchable
      openOnFocus={false}
      clearable={!field.required}
      onSearchChange={setSearch}
      placeholder="Choose, or paste an id"
      nothingFoundMessage={
        waits ? 'Choose first what it belongs to' : 'Nothing of that name; an id can be pasted'
      }
    />
  );
}
