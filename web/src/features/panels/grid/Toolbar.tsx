// The line above the grid: search, filter, sort, columns, how many rows there are.
import { ActionIcon, Button, Popover, Select } from '@mantine/core';
import { ArrowDown, ArrowUp, ArrowUpDown, Columns3, ListFilter, Plus, Trash2 } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import type { PanelColumn } from '@/api/panels';
import { count, plural } from '@/lib/format';
import { useShortcut } from '@/lib/keys';
import { usePopoverFocus } from '@/ui/popover';
import { SearchField } from '@/ui/SearchField';
import { ColumnsPanel } from './ColumnsPanel';
import { FilterGroup, newCondition } from './FilterBuilder';
import { countApplied } from './FilterChips';
import type { Group } from './filter';
import { shownColumns } from './layout';
import type { Rows } from './rows';
import bar from './Toolbar.module.css';
import { SORT_KEYS_MAX, type SortKey, type View } from './view';

export type Opened = 'filter' | 'sort' | 'columns' | null;

interface ToolbarProps {
  columns: readonly PanelColumn[];
  view: View;
  rows: Rows;
  draft: Group;
  onDraft: (filter: Group) => void;
  onView: (change: Partial<View>) => void;
  opened: Opened;
  onOpen: (opened: Opened) => void;
  actions: ReactNode;
}

export function Toolbar(props: ToolbarProps) {
  const { columns, view, rows, draft, onDraft, onView, opened, onOpen, actions } = props;
  const toggle = (which: Opened) => onOpen(opened === which ? null : which);
  const openFilter = () => {
    if (opened !== 'filter' && draft.parts.length === 0)
      onDraft({ match: 'all', parts: [newCondition(columns[0])] });
    toggle('filter');
  };
  useShortcut('f', 'Filter', 'Grid', openFilter);
  useShortcut('s', 'Sort', 'Grid', () => toggle('sort'));
  useShortcut('c', 'Columns', 'Grid', () => toggle('columns'));
  const conditions = countApplied(view.filter, columns);
  const keys = view.sort.filter(({ column }) => columns.some(({ name }) => name === column)).length;
  const hidden = columns.length - shownColumns(columns, view).length;
  return (
    <div className={bar.bar} role="toolbar" aria-label="View">
      <SearchField
        q={view.q}
        label="Search all columns"
        group="Grid"
        className={bar.search}
        onSearch={(q) => onView({ q, row: 0 })}
      />
      <Panel
        open={opened === 'filter'}
        onClose={() => onOpen(null)}
        label="Filter"
        width={560}
        button={
          <Button
            leftSection={<ListFilter size={14} />}
            onClick={openFilter}
            data-active={conditions > 0 || undefined}
            className={bar.button}
            data-panel-button
          >
            <span className={bar.label}>Filter</span>
            {conditions > 0 ? <span className={bar.badge}>{conditions}</span> : null}
          </Button>
        }
      >
        <FilterGroup group={draft} columns={columns} depth={1} name="Filter" onChange={onDraft} />
      </Panel>
      <Panel
        open={opened === 'sort'}
        onClose={() => onOpen(null)}
        label="Sort"
        width={380}
        button={
          <Button
            leftSection={<ArrowUpDown size={14} />}
            onClick={() => toggle('sort')}
            data-active={keys > 0 || undefined}
            className={bar.button}
            data-panel-button
          >
            <span className={bar.label}>Sort</span>
            {keys > 0 ? <span className={bar.badge}>{keys}</span> : null}
          </Button>
        }
      >
        <SortPanel columns={columns} sort={view.sort} onSort={(sort) => onView({ sort, row: 0 })} />
      </Panel>
      <Panel
        open={opened === 'columns'}
        onClose={() => onOpen(null)}
        label="Columns"
        width={320}
        button={
          <Button
            leftSection={<Columns3 size={14} />}
            onClick={() => toggle('columns')}
            data-active={hidden > 0 || undefined}
            className={bar.button}
            data-panel-button
          >
            <span className={bar.label}>Columns</span>
            {hidden > 0 ? <span className={bar.badge}>{hidden} hidden</span> : null}
          </Button>
        }
      >
        <ColumnsPanel columns={columns} view={view} onView={onView} />
      </Panel>
      <Counted rows={rows} />
      <div className={bar.actions}>{actions}</div>
    </div>
  );
}

function Counted({ rows }: { rows: Rows }) {
  if (rows.count === null) return <span className={bar.count} aria-live="polite" />;
  const all = rows.count === rows.total;
  return (
    <span className={bar.count} aria-live="polite" data-behind={rows.behind} key={rows.version}>
      {all ? (
        plural(rows.total, 'row')
      ) : (
        <>
          <b>{count(rows.count)}</b> <span className={bar.of}>of {plural(rows.total, 'row')}</span>
        </>
      )}
    </span>
  );
}

export function Panel({
  open,
  onClose,
  label,
  width,
  button,
  children,
}: {
  open: boolean;
  onClose: () => void;
  label: string;
  width: number;
  button: ReactNode;
  children: ReactNode;
}) {
  const inside = usePopoverFocus(open, onClose);
  const leave = useRef(onClose);
  useEffect(() => {
    leave.current = onClose;
  });
  useEffect(() => {
    if (!open) return;
    // A press on what the panel itself opened (lists of options) is no press outside.
    const press = (event: MouseEvent) => {
      const inside =
        event.target instanceof Element && event.target.closest('#overlays, [data-panel-button]');
      if (!inside) leave.current();
    };
    document.addEventListener('mousedown', press, true);
    return () => document.removeEventListener('mousedown', press, true);
  }, [open]);
  return (
    <Popover
      opened={open}
      onChange={(next) => !next && onClose()}
      closeOnClickOutside={false}
      position="bottom-start"
      width={`min(${width}px, calc(100vw - 16px))`}
      trapFocus
      returnFocus
    >
      <Popover.Target>{button}</Popover.Target>
      <Popover.Dropdown ref={inside} aria-label={label} className={bar.panel}>
        {children}
      </Popover.Dropdown>
    </Popover>
  );
}

function SortPanel({
  columns,
  sort,
  onSort,
}: {
  columns: readonly PanelColumn[];
  sort: readonly SortKey[];
  onSort: (sort: SortKey[]) => void;
}) {
  const free = columns.filter(({ name }) => !sort.some((key) => key.column === name));
  const set = (index: number, key: SortKey | null) => {
    const next = [...sort];
    if (key) next[index] = key;
    else next.splice(index, 1);
    onSort(next);
  };
  return (
    <div className={bar.sort}>
      {sort.length === 0 ? (
        <p className={bar.quiet}>In the order of the file. Click a column's head, or add one here.</p>
      ) : null}
      {sort.map((key, index) => (
        <div key={key.column} className={bar.sortRow}>
          <Select
            aria-label={`Sort ${index + 1}: column`}
            data={[key.column, ...free.map(({ name }) => name)]}
            value={key.column}
            searchable={columns.length > 12}
            onChange={(column) => column && set(index, { ...key, column })}
          />
          <Button
            data-autofocus={index === 0 || undefined}
            aria-label={`Sort ${index + 1}: ${key.descending ? 'descending' : 'ascending'}`}
            leftSection={key.descending ? <ArrowDown size={14} /> : <ArrowUp size={14} />}
            onClick={() => set(index, { ...key, descending: !key.descending })}
          >
            {key.descending ? 'Descending' : 'Ascending'}
          </Button>
          <ActionIcon aria-label={`Remove sort ${index + 1}`} onClick={() => set(index, null)}>
            <Trash2 size={14} />
          </ActionIcon>
        </div>
      ))}
      {sort.length < SORT_KEYS_MAX && free[0] ? (
        <Button
          variant="subtle"
          leftSection={<Plus size={14} />}
          ml={-8}
          onClick={() => free[0] && onSort([...sort, { column: free[0].name, descending: false }])}
        >
          Add a key
        </Button>
      ) : null}
    </div>
  );
}
