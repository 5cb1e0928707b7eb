// Keyboard shortcuts as data: a component declares them while it is there, the help dialog lists them.
import { useEffect, useRef, useSyncExternalStore } from 'react';

export interface Shortcut {
  /** `?`, `/`, or a sequence such as `g p`. */
  keys: string;
  what: string;
  group: string;
  run: () => void;
  /** Handled elsewhere: only to be listed. */
  note?: boolean;
}

const SEQUENCE_WITHIN_MS = 1_000;

let declared: readonly Shortcut[] = [];
const watchers = new Set<() => void>();

function change(next: readonly Shortcut[]): void {
  declared = next;
  for (const watcher of watchers) watcher();
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable || target.matches('input, textarea, select, [role="textbox"], [role="combobox"]')
  );
}

let begun: { key: string; at: number } | null = null;

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
    return;
  if (document.querySelector('[role="dialog"][aria-modal="true"]')) return;
  const pair = begun && event.timeStamp - begun.at < SEQUENCE_WITHIN_MS ? `${begun.key} ${event.key}` : null;
  begun = null;
  const found =
    declared.findLast((one) => !one.note && one.keys === pair) ??
    declared.findLast((one) => !one.note && one.keys === event.key);
  if (found) {
    event.preventDefault();
    found.run();
  } else if (declared.some((one) => !one.note && one.keys.startsWith(`${event.key} `))) {
    begun = { key: event.key, at: event.timeStamp };
  }
}

/** Call once, in the shell. */
export function useShortcutListener(): void {
  useEffect(() => {
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}

/** A shortcut that works while the component is there. */
export function useShortcut(keys: string, what: string, group: string, run: () => void): void {
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => {
    const mine: Shortcut = { keys, what, group, run: () => latest.current() };
    change([...declared, mine]);
    return () => change(declared.filter((one) => one !== mine));
  }, [keys, what, group]);
}

/** Keys that a component handles itself, for the help dialog alone. The notes must not change. */
export function useKeyNotes(group: string, notes: readonly (readonly [keys: string, what: string])[]): void {
  useEffect(() => {
    const mine = notes.map(([keys, what]) => ({ keys, what, group, note: true, run: () => undefined }));
    change([...declared, ...mine]);
    return () => change(declared.filter((one) => !mine.some((note) => note === one)));
  }, [group, notes]);
}

export function useShortcutList(): readonly Shortcut[] {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => declared,
  );
}

export const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);
export const MOD = isMac ? '⌘' : 'Ctrl';
