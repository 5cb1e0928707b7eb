// The command palette: finds what there is, runs what one may. Opened by ⌘K, wholly by keyboard.
import { Modal } from '@mantine/core';
import { CornerDownLeft, Search } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { useMe } from '@/api/identity';
import { useFocusBack } from '@/ui/Dialog';
import { ProblemNote } from '@/ui/ProblemNote';
import { useEscapeFrom } from '@/ui/popover';
import { type Entry, rememberOperation, useEntries } from './entries';
import { OperationForm } from './OperationForm';
import type { Operation } from './operations';
import classes from './Palette.module.css';

export function Palette({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const [query, setQuery] = useState('');
  const [operation, setOperation] = useState<Operation | null>(null);
  const [held, setHeld] = useState(false);
  const found = useEntries(me, query);
  useFocusBack();
  const choose = (entry: Entry) => {
    if ('operation' in entry.choose) {
      rememberOperation(me, entry.choose.operation);
      setOperation(entry.choose.operation);
    } else {
      onClose();
      entry.choose.run();
    }
  };
  const back = () => setOperation(null);
  const step = useRef(back);
  const inside = useRef<HTMLDivElement>(null);
  const leave = () => (operation ? step.current() : onClose());
  // Esc leads one step back: out of an answer to its form, out of a form to the list, out of the list to the page.
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const at = event.target instanceof Element ? event.target : null;
    if (at?.matches('[aria-expanded="true"]:not([data-finder])')) return;
    event.preventDefault();
    event.stopPropagation();
    leave();
  };
  // A press beside what takes the focus gives it to the dialog around, or to nothing.
  const isBeside = (at: Element) =>
    !inside.current?.contains(at) && (at.closest('[role="dialog"]') === null || at.contains(inside.current));
  useEscapeFrom(true, isBeside, leave);
  return (
    <Modal.Root
      opened
      onClose={onClose}
      closeOnEscape={false}
      closeOnClickOutside={!held}
      size={operation ? 680 : 620}
      yOffset="9vh"
      transitionProps={{ duration: 80 }}
      styles={{ content: { background: 'var(--wh-raised)' } }}
    >
      <Modal.Overlay backgroundOpacity={0.4} />
      <Modal.Content aria-label="Command palette">
        {/* biome-ignore lint/a11y/noStaticElementInteractions: Esc for all that is inside */}
        <div ref={inside} className={classes.content} onKeyDown={onKeyDown}>
          {operation ? (
            <OperationForm
              key={operation.id}
              operation={operation}
              operations={found.operations}
              onBack={back}
              onHold={setHeld}
              step={step}
            />
          ) : (
            <Finder query={query} onQuery={setQuery} found={found} onChoose={choose} />
          )}
        </div>
      </Modal.Content>
    </Modal.Root>
  );
}

function Finder({
  query,
  onQuery,
  found,
  onChoose,
}: {
  query: string;
  onQuery: (query: string) => void;
  found: ReturnType<typeof useEntries>;
  onChoose: (entry: Entry) => void;
}) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const [at, setAt] = useState(0);
  const { entries, pending, error } = found;
  const current = Math.min(at, Math.max(0, entries.length - 1));
  useEffect(() => {
    list.current?.querySelector(`[data-index="${current}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  const onKeyDown = (event: KeyboardEvent) => {
    const last = entries.length - 1;
    const to = {
      ArrowDown: current >= last ? 0 : current + 1,
      ArrowUp: current <= 0 ? last : current - 1,
      PageDown: Math.min(last, current + 8),
      PageUp: Math.max(0, current - 8),
    }[event.key];
    const entry = entries[current];
    if (to !== undefined) setAt(Math.max(0, to));
    else if (event.key === 'Enter' && entry) onChoose(entry);
    else return;
    event.preventDefault();
  };
  const groups = [
    ...Map.groupBy(
      entries.map((entry, index) => ({ entry, index })),
      ({ entry }) => entry.group,
    ),
  ];
  return (
    <>
      <div className={classes.field}>
        <Search size={16} aria-hidden />
        <input
          className={classes.input}
          role="combobox"
          aria-label="Search or run"
          aria-expanded={entries.length > 0}
          aria-controls={id}
          aria-activedescendant={entries.length > 0 ? `${id}-${current}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          placeholder="Search panels, people, settings; run any operation"
          value={query}
          data-autofocus
          data-finder
          ref={field}
          onChange={(event) => {
            onQuery(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
        />
        <kbd className={classes.kbd}>Esc</kbd>
      </div>
      {error ? (
        <div className={classes.note}>
          <ProblemNote error={error} />
        </div>
      ) : null}
      <div
        ref={list}
        id={id}
        role="listbox"
        aria-label="Found"
        className={classes.list}
        hidden={entries.length === 0}
        tabIndex={-1}
        aria-busy={pending}
      >
        {groups.map(([group, members]) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of options, not of fields
          <div key={group} role="group" aria-label={group}>
            <div className={classes.group} aria-hidden>
              {group}
            </div>
            {members.map(({ entry, index }) => (
              <Option
                key={entry.key}
                id={`${id}-${index}`}
                index={index}
                entry={entry}
                current={index === current}
                onPoint={() => setAt(index)}
                onChoose={() => onChoose(entry)}
              />
            ))}
          </div>
        ))}
      </div>
      {entries.length === 0 && !pending ? (
        <p className={classes.nothing} role="status">
          Nothing is called “{query}”.
        </p>
      ) : null}
    </>
  );
}

function Option({
  id,
  index,
  entry,
  current,
  onPoint,
  onChoose,
}: {
  id: string;
  index: number;
  entry: Entry;
  current: boolean;
  onPoint: () => void;
  onChoose: () => void;
}) {
  const { icon: Icon, label, hint, danger } = entry;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, which names the option
    // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
    <div
      id={id}
      role="option"
      aria-selected={current}
      data-index={index}
      className={classes.option}
      onPointerMove={current ? undefined : onPoint}
      onClick={onChoose}
    >
      <Icon size={15} aria-hidden className={classes.icon} data-danger={danger || undefined} />
      <span className={classes.label}>{label}</span>
      <span className={classes.hint}>{hint}</span>
      {current ? <CornerDownLeft size={13} aria-hidden className={classes.icon} /> : null}
    </div>
  );
}
