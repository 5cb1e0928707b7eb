// The head of a column: sort by click, add by shift-click, drag to move, drag the edge to resize, a menu for the rest.
import { ActionIcon, Menu } from '@mantine/core';
import {
  ArrowDown,
  ArrowLeft,
  ArrowRight,
  ArrowUp,
  Calendar,
  CalendarClock,
  ChevronDown,
  Copy,
  EyeOff,
  Filter,
  Hash,
  type LucideIcon,
  MoveHorizontal,
  Pin,
  PinOff,
  Sigma,
  ToggleLeft,
  Type,
} from 'lucide-react';
import { memo, type PointerEvent, useRef, useState } from 'react';
import type { ColumnKind } from '@/api/panels';
import { copyText } from '@/lib/clipboard';
import classes from './Grid.module.css';
import { alignsEnd, type PlacedColumn } from './layout';

export const KIND_ICON: Record<ColumnKind, LucideIcon> = {
  text: Type,
  integer: Hash,
  number: Sigma,
  boolean: ToggleLeft,
  date: Calendar,
  datetime: CalendarClock,
};

export interface ColumnActions {
  /** Sets the sort to this column, or adds it to the keys; null takes it out. */
  sort: (column: string, direction: 'ascending' | 'descending' | 'next' | null, add: 'alone' | 'add') => void;
  move: (column: string, to: number) => void;
  resize: (column: string, width: number | 'fit') => void;
  hide: (column: string) => void;
  pin: (column: string) => void;
  filter: (column: string) => void;
}

export interface HeadCellProps {
  column: PlacedColumn;
  columns: number;
  focused: boolean;
  sorted: { place: number; descending: boolean; keys: number } | null;
  actions: ColumnActions;
  menuOpen: boolean;
  onMenu: (column: number | null) => void;
  /** Which place the pointer is over while this column is dragged. */
  targetAt: (clientX: number, column: PlacedColumn) => number;
  onDrag: (target: number | null) => void;
  onResizing: (column: string, width: number | null) => void;
}

const DRAG_AFTER_PX = 5;

export const HeadCell = memo(function HeadCell(props: HeadCellProps) {
  const { column, focused, sorted, actions, menuOpen, onMenu } = props;
  const Icon = KIND_ICON[column.kind];
  const drag = useDrag(props);
  const sortWord = sorted ? (sorted.descending ? 'descending' : 'ascending') : undefined;
  return (
    <div
      role="columnheader"
      className={classes.headCell}
      aria-colindex={column.index + 2}
      aria-sort={sortWord}
      tabIndex={focused ? 0 : -1}
      data-cell={`-1:${column.index}`}
      data-pinned={column.pinned || undefined}
      data-sorted={sorted ? true : undefined}
      data-end={alignsEnd(column.kind) || undefined}
      data-dragged={drag.dragging || undefined}
      style={{ left: column.left, width: column.width }}
      title={`${column.name} · ${column.kind}${column.kind === 'datetime' ? ' (UTC)' : ''}`}
      onContextMenu={(event) => {
        event.preventDefault();
        onMenu(column.index);
      }}
      {...drag.handlers}
    >
      {sorted ? null : <Icon size={13} className={classes.headIcon} aria-hidden />}
      <span className={classes.headName}>{column.name}</span>
      {sorted ? (
        <span className={classes.sortMark}>
          {sorted.descending ? <ArrowDown size={13} aria-hidden /> : <ArrowUp size={13} aria-hidden />}
          {sorted.keys > 1 ? sorted.place + 1 : null}
        </span>
      ) : null}
      <ColumnMenu {...props} open={menuOpen} />
      <Edge column={column} onResizing={props.onResizing} actions={actions} />
    </div>
  );
});

function useDrag({ column, actions, targetAt, onDrag }: HeadCellProps) {
  const began = useRef<{ x: number; dragging: boolean } | null>(null);
  const [dragging, setDragging] = useState(false);
  const end = () => {
    began.current = null;
    setDragging(false);
    onDrag(null);
  };
  return {
    dragging,
    handlers: {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        if (event.button !== 0 || !(event.target as HTMLElement).closest('[data-cell]')) return;
        if ((event.target as HTMLElement).closest('button, [data-edge], [role="menu"]')) return;
        began.current = { x: event.clientX, dragging: false };
        if (event.pointerType !== 'touch') event.currentTarget.setPointerCapture(event.pointerId);
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        const it = began.current;
        if (!it || event.pointerType === 'touch') return;
        if (!it.dragging && Math.abs(event.clientX - it.x) < DRAG_AFTER_PX) return;
        it.dragging = true;
        setDragging(true);
        onDrag(targetAt(event.clientX, column));
      },
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        const it = began.current;
        if (!it) return;
        if (it.dragging) actions.move(column.name, targetAt(event.clientX, column));
        else actions.sort(column.name, 'next', event.shiftKey ? 'add' : 'alone');
        end();
      },
      onPointerCancel: end,
    },
  };
}

function Edge({ column, onResizing, actions }: Pick<HeadCellProps, 'column' | 'onResizing' | 'actions'>) {
  const began = useRef<{ x: number; width: number } | null>(null);
  const [active, setActive] = useState(false);
  const widthAt = (event: PointerEvent) =>
    began.current ? began.current.width + event.clientX - began.current.x : 0;
  return (
    <span
      className={classes.resize}
      data-edge
      data-active={active || undefined}
      onDoubleClick={(event) => {
        event.stopPropagation();
        actions.resize(column.name, 'fit');
      }}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        began.current = { x: event.clientX, width: column.width };
        setActive(true);
      }}
      onPointerMove={(event) => began.current && onResizing(column.name, widthAt(event))}
      onPointerUp={(event) => {
        event.stopPropagation();
        const width = widthAt(event);
        const moved = began.current !== null && Math.abs(width - began.current.width) > 1;
        began.current = null;
        setActive(false);
        onResizing(column.name, null);
        if (moved) actions.resize(column.name, width);
      }}
    />
  );
}

const STEP_PX = 40;

function ColumnMenu({ column, columns, sorted, actions, open, onMenu }: HeadCellProps & { open: boolean }) {
  const button = (
    <ActionIcon
      size={22}
      className={classes.menuButton}
      tabIndex={-1}
      aria-label={`Menu of the column ${column.name}`}
      onClick={() => onMenu(open ? null : column.index)}
    >
      <ChevronDown size={14} />
    </ActionIcon>
  );
  if (!open) return button;
  const { name, index, width } = column;
  const isPin = column.pinned || column.loose;
  return (
    <Menu opened onClose={() => onMenu(null)} width={220} position="bottom-end" returnFocus={false}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<ArrowUp size={14} />}
          onClick={() => actions.sort(name, 'ascending', 'alone')}
        >
          Sort ascending
        </Menu.Item>
        <Menu.Item
          leftSection={<ArrowDown size={14} />}
          onClick={() => actions.sort(name, 'descending', 'alone')}
        >
          Sort descending
        </Menu.Item>
        {sorted ? (
          <Menu.Item
            onClick={() => actions.sort(name, null, 'add')}
            leftSection={<span style={{ width: 14 }} />}
          >
            Take out of the sort
          </Menu.Item>
        ) : (
          <Menu.Item
            onClick={() => actions.sort(name, 'ascending', 'add')}
            leftSection={<span style={{ width: 14 }} />}
          >
            Add to the sort
          </Menu.Item>
        )}
        <Menu.Item leftSection={<Filter size={14} />} onClick={() => actions.filter(name)}>
          Filter…
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item
          leftSection={isPin ? <PinOff size={14} /> : <Pin size={14} />}
          onClick={() => actions.pin(name)}
        >
          {isPin ? 'Unpin' : 'Pin to the left'}
        </Menu.Item>
        <Menu.Item
          leftSection={<ArrowLeft size={14} />}
          disabled={index === 0}
          onClick={() => actions.move(name, index - 1)}
        >
          Move left
        </Menu.Item>
        <Menu.Item
          leftSection={<ArrowRight size={14} />}
          disabled={index === columns - 1}
          onClick={() => actions.move(name, index + 1)}
        >
          Move right
        </Menu.Item>
        <Menu.Item
          leftSection={<EyeOff size={14} />}
          disabled={columns === 1}
          onClick={() => actions.hide(name)}
        >
          Hide
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<MoveHorizontal size={14} />} onClick={() => actions.resize(name, 'fit')}>
          Fit width
        </Menu.Item>
        <Menu.Item
          leftSection={<span style={{ width: 14 }} />}
          closeMenuOnClick={false}
          onClick={() => actions.resize(name, width + STEP_PX)}
        >
          Wider
        </Menu.Item>
        <Menu.Item
          leftSection={<span style={{ width: 14 }} />}
          closeMenuOnClick={false}
          onClick={() => actions.resize(name, width - STEP_PX)}
        >
          Narrower
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<Copy size={14} />} onClick={() => void copyText(name)}>
          Copy name
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
