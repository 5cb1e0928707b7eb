// Which columns are shown, in what order, which stay at the left. By pointer and by keyboard.
import { ActionIcon, Button, Checkbox, TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp, GripVertical, Pin, PinOff } from 'lucide-react';
import { type PointerEvent, useRef, useState } from 'react';
import type { PanelColumn } from '@/api/panels';
import { KIND_ICON } from './HeadCell';
import { arrange, shownColumns } from './layout';
import bar from './Toolbar.module.css';
import type { View } from './view';

const SEARCH_FROM = 14;
const ROW_PX = 31;

interface Props {
  columns: readonly PanelColumn[];
  view: View;
  onView: (change: Partial<View>) => void;
}

export function ColumnsPanel({ columns, view, onView }: Props) {
  const [search, setSearch] = useState('');
  const scroller = useRef<HTMLUListElement>(null);
  const shown = shownColumns(columns, view).map(({ name }) => name);
  const places = new Map(shown.map((name, place) => [name, place]));
  const kinds = new Map(columns.map(({ name, kind }) => [name, kind]));
  const hidden = columns.filter(({ name }) => !places.has(name)).map(({ name }) => name);
  const all = [...shown, ...hidden].filter((name) => name.toLowerCase().includes(search.toLowerCase()));
  const put = (names: readonly string[]) => onView(arrange(names, columns));
  const drag = useRowDrag((from, to) => put(movedTo(shown, from, to)));
  const rows = useVirtualizer({
    count: all.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });

  return (
    <div>
      <div className={bar.columnsHead}>
        <span className={bar.quiet}>
          {shown.length} of {columns.length} shown
        </span>
        <Button
          variant="subtle"
          color="gray"
          onClick={() => onView({ columns: null, order: [], hidden: [], pinned: [], widths: {} })}
        >
          Reset
        </Button>
      </div>
      {columns.length >= SEARCH_FROM ? (
        <TextInput
          aria-label="Find a column"
          placeholder="Find a column"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
          mb={6}
        />
      ) : null}
      <ul ref={scroller} className={bar.columns} aria-label="Columns">
        <li aria-hidden style={{ height: rows.getTotalSize() }} />
        {rows.getVirtualItems().map(({ index, start }) => {
          const name = all[index] ?? '';
          const kind = kinds.get(name) ?? 'text';
          const Icon = KIND_ICON[kind];
          const place = places.get(name) ?? -1;
          const isShown = place >= 0;
          const isPinned = view.pinned.includes(name);
          return (
            <li
              key={name}
              className={bar.column}
              style={{ transform: `translateY(${start}px)` }}
              aria-setsize={all.length}
              aria-posinset={index + 1}
              data-column={place}
              data-over={drag.over === place || undefined}
            >
              <span className={bar.grip} {...(isShown && !search ? drag.handlers(place) : {})} aria-hidden>
                {isShown && !search ? <GripVertical size={14} /> : null}
              </span>
              <Checkbox
                className={bar.columnName}
                label={name}
                checked={isShown}
                disabled={isShown && shown.length === 1}
                onChange={() => put(isShown ? shown.filter((one) => one !== name) : [...shown, name])}
              />
              <Icon size={13} color="var(--wh-text-3)" aria-label={kind} />
              <ActionIcon
                size={24}
                aria-label={`Move ${name} up`}
                disabled={place <= 0}
                onClick={() => put(movedTo(shown, place, place - 1))}
              >
                <ArrowUp size={13} />
              </ActionIcon>
              <ActionIcon
                size={24}
                aria-label={`Move ${name} down`}
                disabled={!isShown || place === shown.length - 1}
                onClick={() => put(movedTo(shown, place, place + 1))}
              >
                <ArrowDown size={13} />
              </ActionIcon>
              <ActionIcon
                size={24}
                aria-label={isPinned ? `Unpin ${name}` : `Pin ${name} to the left`}
                aria-pressed={isPinned}
                disabled={!isShown}
                color={isPinned ? 'accent' : 'gray'}
                onClick={() =>
                  onView({
                    pinned: isPinned ? view.pinned.filter((one) => one !== name) : [...view.pinned, name],
                  })
                }
              >
                {isPinned ? <PinOff size={13} /> : <Pin size={13} />}
              </ActionIcon>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

export function movedTo(names: readonly string[], from: number, to: number): string[] {
  const next = [...names];
  const [name] = next.splice(from, 1);
  if (name !== undefined) next.splice(Math.max(0, Math.min(next.length, to)), 0, name);
  return next;
}

/** Drags a row of the list by its grip. */
function useRowDrag(onDrop: (from: number, to: number) => void) {
  const [from, setFrom] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const placeAt = (event: PointerEvent) => {
    const row = document.elementFromPoint(event.clientX, event.clientY)?.closest('[data-column]');
    const place = Number(row?.getAttribute('data-column') ?? -1);
    return place >= 0 ? place : null;
  };
  return {
    over: from === null ? null : over,
    handlers: (place: number) => ({
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        setFrom(place);
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => from !== null && setOver(placeAt(event)),
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        const to = placeAt(event);
        if (from !== null && to !== null && to !== from) onDrop(from, to);
        setFrom(null);
        setOver(null);
      },
    }),
  };
}
