// Builds a filter: nested groups of conditions, operators by the column's type. Applied as it is typed, once complete.
import { ActionIcon, Button, Select, TagsInput, TextInput } from '@mantine/core';
import { FolderPlus, Plus, Trash2 } from 'lucide-react';
import type { PanelColumn } from '@/api/panels';
import { EXACT_NUMBERS, EXACT_TIMES, EXACT_WORDS } from '../words';
import classes from './FilterBuilder.module.css';
import {
  arity,
  type Condition,
  DEPTH_MAX,
  type Group,
  incomplete,
  isGroup,
  type Op,
  opsOf,
  opWord,
  type Part,
} from './filter';

export function newCondition(column: PanelColumn | undefined): Condition {
  const op = opsOf(column?.kind ?? 'text')[0] ?? 'eq';
  return { column: column?.name ?? '', op, values: column?.kind === 'boolean' ? ['true'] : [] };
}

interface GroupProps {
  group: Group;
  columns: readonly PanelColumn[];
  onChange: (group: Group) => void;
  onRemove?: () => void;
  depth: number;
  /** How screen readers tell this group from others. */
  name: string;
}

export function FilterGroup({ group, columns, onChange, onRemove, depth, name }: GroupProps) {
  const set = (index: number, part: Part | null) => {
    const parts = [...group.parts];
    if (part === null) parts.splice(index, 1);
    else parts[index] = part;
    onChange({ ...group, parts });
  };
  const add = (part: Part) => onChange({ ...group, parts: [...group.parts, part] });
  return (
    <fieldset className={classes.group} data-depth={depth} aria-label={name}>
      <div className={classes.head}>
        <Select
          aria-label={`${name}: how conditions are joined`}
          w={76}
          data={[
            { value: 'all', label: 'All' },
            { value: 'any', label: 'Any' },
          ]}
          value={group.match}
          onChange={(match) => onChange({ ...group, match: match === 'any' ? 'any' : 'all' })}
        />
        <span className={classes.words}>of these {group.match === 'all' ? 'are true' : 'is true'}</span>
        {onRemove ? (
          <ActionIcon aria-label={`Remove ${name}`} onClick={onRemove}>
            <Trash2 size={14} />
          </ActionIcon>
        ) : null}
      </div>
      {group.parts.map((part, index) =>
        isGroup(part) ? (
          <FilterGroup
            // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place
            key={index}
            group={part}
            columns={columns}
            depth={depth + 1}
            name={`Group ${name === 'Filter' ? '' : `${name.replace('Group ', '')}.`}${index + 1}`}
            onChange={(next) => set(index, next)}
            onRemove={() => set(index, null)}
          />
        ) : (
          <FilterRow
            // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place
            key={index}
            condition={part}
            columns={columns}
            name={`Condition ${index + 1}`}
            onChange={(next) => set(index, next)}
            onRemove={() => set(index, null)}
          />
        ),
      )}
      <div className={classes.foot}>
        <Button
          variant="subtle"
          leftSection={<Plus size={14} />}
          onClick={() => add(newCondition(columns[0]))}
        >
          Condition
        </Button>
        {depth < DEPTH_MAX ? (
          <Button
            variant="subtle"
            color="gray"
            leftSection={<FolderPlus size={14} />}
            onClick={() =>
              add({ match: group.match === 'all' ? 'any' : 'all', parts: [newCondition(columns[0])] })
            }
          >
            Group
          </Button>
        ) : null}
      </div>
    </fieldset>
  );
}

interface RowProps {
  condition: Condition;
  columns: readonly PanelColumn[];
  name: string;
  onChange: (condition: Condition) => void;
  onRemove: () => void;
}

function FilterRow({ condition, columns, name, onChange, onRemove }: RowProps) {
  const column = columns.find((one) => one.name === condition.column);
  const kind = column?.kind ?? 'text';
  const wrong = incomplete(condition, column?.kind);
  const setColumn = (next: string | null) => {
    const to = columns.find((one) => one.name === next);
    if (!to) return;
    const keepsOp = opsOf(to.kind).includes(condition.op) && to.kind === kind;
    onChange(keepsOp ? { ...condition, column: to.name } : newCondition(to));
  };
  const setOp = (next: string | null) => {
    const op = next as Op;
    const takes = { none: 0, one: 1, two: 2, many: Number.POSITIVE_INFINITY }[arity(op)];
    onChange({ ...condition, op, values: condition.values.slice(0, takes) });
  };
  return (
    <fieldset className={classes.row} aria-label={name}>
      <Select
        aria-label={`${name}: column`}
        data={columns.map((one) => one.name)}
        value={column ? column.name : null}
        placeholder={condition.column}
        onChange={setColumn}
        searchable={columns.length > 12}
        comboboxProps={{ width: 240, position: 'bottom-start' }}
      />
      <Select
        aria-label={`${name}: operator`}
        data={opsOf(kind).map((op) => ({ value: op, label: opWord(op, kind) }))}
        value={condition.op}
        onChange={setOp}
        comboboxProps={{ width: 170, position: 'bottom-start' }}
      />
      <div className={classes.value}>
        <Values
          condition={condition}
          kind={kind}
          name={name}
          wrong={wrong !== 'Value missing' ? wrong : null}
          onChange={(values) => onChange({ ...condition, values })}
        />
      </div>
      <ActionIcon aria-label={`Remove ${name}`} onClick={onRemove}>
        <Trash2 size={14} />
      </ActionIcon>
    </fieldset>
  );
}

const PLACEHOLDER = {
  text: 'Value',
  integer: 'Whole number',
  number: 'Number',
  boolean: '',
  date: '2013-01-31',
  datetime: '2013-01-31 10:00',
} as const;

function Values({
  condition,
  kind,
  name,
  wrong,
  onChange,
}: {
  condition: Condition;
  kind: PanelColumn['kind'];
  name: string;
  wrong: string | null;
  onChange: (values: string[]) => void;
}) {
  const { values, op } = condition;
  const numeric = kind === 'integer' || kind === 'number';
  const shared = {
    placeholder: PLACEHOLDER[kind],
    inputMode: numeric ? ('decimal' as const) : ('text' as const),
    error: wrong,
  };
  switch (arity(op)) {
    case 'none':
      return null;
    case 'many':
      return (
        <TagsInput
          {...shared}
          aria-label={`${name}: values`}
          placeholder={values.length === 0 ? 'Values, each with Enter' : ''}
          value={[...values]}
          onChange={onChange}
          {...(numeric ? EXACT_NUMBERS : kind === 'text' ? EXACT_WORDS : EXACT_TIMES)}
          acceptValueOnBlur
        />
      );
    case 'two':
      return (
        <div className={classes.two}>
          {[0, 1].map((i) => (
            <TextInput
              key={i}
              {...shared}
              aria-label={`${name}: ${i === 0 ? 'from' : 'to'}`}
              value={values[i] ?? ''}
              onChange={(event) => {
                const next = [values[0] ?? '', values[1] ?? ''];
                next[i] = event.currentTarget.value.trim();
                onChange(next);
              }}
            />
          ))}
        </div>
      );
    default:
      if (kind === 'boolean') {
        return (
          <Select
            aria-label={`${name}: value`}
            data={['true', 'false']}
            value={values[0] ?? null}
            onChange={(value) => onChange(value ? [value] : [])}
          />
        );
      }
      return (
        <TextInput
          {...shared}
          aria-label={`${name}: value`}
          value={values[0] ?? ''}
          onChange={(event) => {
            const text = kind === 'text' ? event.currentTarget.value : event.currentTarget.value.trim();
            onChange(text === '' ? [] : [text]);
          }}
        />
      );
  }
}
