// The address holds the whole view and gives it back; the API gets what it understands.
import { expect, test } from 'vitest';
import {
  apiFilter,
  type Condition,
  chips,
  describe,
  type Group,
  incomplete,
  type Op,
  readFilter,
  writeFilter,
} from '../src/features/panels/grid/filter';
import { readView, rowsRequest, writeView } from '../src/features/panels/grid/view';
import { parseSearch, stringifySearch } from '../src/lib/search';

const columns = [
  { name: 'origin', kind: 'text' },
  { name: 'dep_delay', kind: 'number' },
  { name: 'month', kind: 'integer' },
  { name: 'time hour', kind: 'datetime' },
  { name: 'late', kind: 'boolean' },
] as const;

const nested: Group = {
  match: 'all',
  parts: [
    { column: 'month', op: 'between', values: ['6', '8'] },
    {
      match: 'any',
      parts: [
        { column: 'origin', op: 'in', values: ['JFK', "O'Hare, (old)", 'ü x'] },
        { column: 'dep_delay', op: 'gt', values: ['-30.5'] },
        { column: 'time hour', op: 'is_empty', values: [] },
      ],
    },
  ],
};

test('a nested filter survives the address', () => {
  const text = writeFilter(nested);
  expect(text).toBe(
    "month.between(6,8),any(origin.in(JFK,'O''Hare, (old)','ü x'),dep_delay.gt(-30.5),'time hour'.is_empty)",
  );
  expect(readFilter(text)).toEqual(nested);
  const address = stringifySearch({ filter: text });
  expect(readFilter(parseSearch(address)['filter'])).toEqual(nested);
});

test('a filter of one group is that group', () => {
  const any: Group = {
    match: 'any',
    parts: [
      { column: 'a', op: 'eq', values: ['1'] },
      { column: 'a', op: 'eq', values: ['2'] },
    ],
  };
  expect(readFilter(writeFilter(any))).toEqual(any);
});

test.each(['month.between(6', 'month', 'month.like(3)', "month.eq('x", 'all(month.eq(1)', 'month.eq(1))'])(
  'what cannot be read is refused: %s',
  (text) => expect(readFilter(text)).toBeNull(),
);

test('the API gets typed values, and conditions that do not fit as they stand', () => {
  const filter = readFilter(
    "month.in(6,7),dep_delay.gt(),late.eq(true),'time hour'.ge('2013-01-01 10:00'),gone.eq(1)",
  );
  expect(filter).toBeNull();
  const group: Group = {
    match: 'all',
    parts: [
      { column: 'month', op: 'in', values: ['6', '7'] },
      { column: 'dep_delay', op: 'gt', values: [] },
      { column: 'late', op: 'eq', values: ['true'] },
      { column: 'time hour', op: 'ge', values: ['2013-01-01 10:00'] },
      { column: 'gone', op: 'eq', values: ['1'] },
    ],
  };
  expect(apiFilter(group, columns)).toEqual({
    all: [
      { column: 'month', op: 'in', value: [6, 7] },
      { column: 'dep_delay', op: 'gt' },
      { column: 'late', op: 'eq', value: true },
      { column: 'time hour', op: 'ge', value: '2013-01-01T10:00:00Z' },
      { column: 'gone', op: 'eq', value: '1' },
    ],
  });
});

const among = (op: Op, ...values: string[]) => apiFilter({ column: 'time hour', op, values }, columns);
const [START, END] = ['2013-01-31T00:00:00Z', '2013-01-31T23:59:59.999999Z'];

test('a day among times is all of it', () => {
  const day = '2013-01-31';
  const column = 'time hour';
  const within = { column, op: 'between', value: [START, END] };
  expect(among('eq', day)).toEqual(within);
  expect(among('ne', day)).toEqual({ not: within });
  expect(among('lt', day)).toEqual({ column, op: 'lt', value: START });
  expect(among('ge', day)).toEqual({ column, op: 'ge', value: START });
  expect(among('le', day)).toEqual({ column, op: 'le', value: END });
  expect(among('gt', day)).toEqual({ column, op: 'gt', value: END });
  expect(among('between', day, day)).toEqual(within);
  expect(among('between', '2013-01-01 08:30', day)).toEqual({
    column,
    op: 'between',
    value: ['2013-01-01T08:30:00Z', END],
  });
  expect(among('in', day)).toEqual(within);
  expect(among('in', day, '2013-02-01 10:00')).toEqual({
    any: [{ column, op: 'in', value: ['2013-02-01T10:00:00Z'] }, within],
  });
  expect(among('not_in', day)).toEqual({ not: within });
});

test('a time among times is but itself, and what is no time goes as it stands', () => {
  const column = 'time hour';
  const [typed, value] = ['2013-01-31 10:00', '2013-01-31T10:00:00Z'];
  for (const op of ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const)
    expect(among(op, typed)).toEqual({ column, op, value });
  for (const op of ['in', 'not_in'] as const)
    expect(among(op, typed, typed)).toEqual({ column, op, value: [value, value] });
  expect(among('is_empty')).toEqual({ column, op: 'is_empty' });
  expect(among('le', 'soon')).toEqual({ column, op: 'le', value: 'soon' });
});

test('a day stands in the address as it was typed, and in a filter on days as it is', () => {
  const group: Group = { match: 'all', parts: [{ column: 'time hour', op: 'le', values: ['2013-01-31'] }] };
  expect(writeFilter(group)).toBe("'time hour'.le(2013-01-31)");
  const day = { column: 'day', op: 'le', values: ['2013-01-31'] } as const;
  expect(apiFilter(day, [{ name: 'day', kind: 'date' }])).toEqual({
    column: 'day',
    op: 'le',
    value: '2013-01-31',
  });
});

test.each(['5', '+5', '-30.5', '.5', '5.', '1e3', '-2.5E-3'])('a number as people write it: %s', (text) => {
  const condition = { column: 'dep_delay', op: 'gt', values: [text] } as const;
  expect(incomplete(condition, 'number')).toBeNull();
  expect(apiFilter(condition, columns)).toEqual({ column: 'dep_delay', op: 'gt', value: Number(text) });
});

test.each([' ', '0x10', '0b1', '1_000', '1,5', ' 5', 'Infinity', '1e999', '.', '-', 'e3'])(
  'no number, and not taken for another one: “%s”',
  (text) => {
    const condition = { column: 'dep_delay', op: 'gt', values: [text] } as const;
    expect(incomplete(condition, 'number')).toBe('Not a number');
    expect(apiFilter(condition, columns)).toEqual({ column: 'dep_delay', op: 'gt', value: text });
  },
);

test('conditions that say the same have keys of their own, which stay when another one goes', () => {
  const one = { column: 'month', op: 'eq', values: ['1'] } as const;
  const two = { column: 'month', op: 'eq', values: ['2'] } as const;
  const keys = (parts: readonly Condition[]) => chips(parts, columns).map(({ key }) => key);
  expect(new Set(keys([one, two, one])).size).toBe(3);
  expect(chips([one, one], columns).map(({ text }) => text)).toEqual(['month is 1', 'month is 1']);
  expect(keys([one, two])).toEqual(keys([one, two, one]).slice(0, 2));
});

test('values with a comma are told apart', () => {
  expect(describe({ column: 'origin', op: 'in', values: ['Smith, John', 'UA', 'ua'] }, columns)).toBe(
    'origin is any of “Smith, John”, UA, ua',
  );
});

test('a view survives the address', () => {
  const change = {
    sort: [
      { column: 'dep_delay', descending: true },
      { column: 'time hour', descending: false },
    ],
    q: 'new york',
    columns: ['origin', 'time hour'],
    pinned: ['origin'],
    widths: { 'time hour': 210 },
    row: 1199,
  };
  const text = stringifySearch(writeView(change));
  expect(text).toBe(
    "?sort=-dep_delay,'time+hour'&q=new+york&cols=origin,'time+hour'&pin=origin&w='time+hour':210&row=1200",
  );
  const { view, unread } = readView(parseSearch(text));
  expect(unread).toEqual([]);
  expect(view).toMatchObject(change);
  expect(rowsRequest(view, columns)).toEqual({ sort: '-dep_delay,time hour', q: 'new york' });
});
