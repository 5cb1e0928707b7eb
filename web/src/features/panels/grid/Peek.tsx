// The whole text of a cell that does not fit: on hover after a moment, on focus at once, until Esc.
import { type PointerEvent, type RefObject, useCallback, useMemo, useRef, useState } from 'react';
import classes from './Grid.module.css';

interface Shown {
  text: string;
  left: number;
  top: number;
  width: number;
}

export interface PeekState {
  shown: Shown | null;
  open: boolean;
  hide: () => void;
  onFocus: (cell: HTMLElement | null) => void;
  onPointerOver: (event: PointerEvent<HTMLElement>) => void;
}

const HOVER_AFTER_MS = 400;

const isCut = (cell: HTMLElement) =>
  cell.scrollWidth > cell.clientWidth || cell.textContent?.includes('\n') === true;

export function usePeek(root: RefObject<HTMLElement | null>): PeekState {
  const [shown, setShown] = useState<Shown | null>(null);
  const timer = useRef<number | undefined>(undefined);
  const current = useRef<HTMLElement | null>(null);

  const hide = useCallback(() => {
    window.clearTimeout(timer.current);
    setShown(null);
  }, []);

  const open = useCallback(
    (cell: HTMLElement) => {
      const outer = root.current?.getBoundingClientRect();
      const inner = cell.getBoundingClientRect();
      if (!outer || !cell.isConnected || inner.bottom < outer.top || inner.top > outer.bottom) return;
      setShown({
        text: cell.textContent ?? '',
        left: Math.max(4, inner.left - outer.left),
        top: inner.top - outer.top,
        width: inner.width,
      });
    },
    [root],
  );

  const onFocus = useCallback(
    (cell: HTMLElement | null) => {
      window.clearTimeout(timer.current);
      current.current = cell;
      if (cell && !cell.dataset['cell']?.startsWith('-1') && isCut(cell)) open(cell);
      else setShown(null);
    },
    [open],
  );

  const onPointerOver = useCallback(
    (event: PointerEvent<HTMLElement>) => {
      const target = event.target instanceof Element ? event.target : null;
      if (event.pointerType !== 'mouse' || target?.closest('[data-peek]')) return;
      window.clearTimeout(timer.current);
      const cell = target?.closest<HTMLElement>('[data-cell]') ?? null;
      setShown((now) => (now && cell !== current.current ? null : now));
      if (!cell || cell.dataset['cell']?.startsWith('-1')) return;
      timer.current = window.setTimeout(() => {
        current.current = cell;
        if (isCut(cell)) open(cell);
      }, HOVER_AFTER_MS);
    },
    [open],
  );

  return useMemo(
    () => ({ shown, open: shown !== null, hide, onFocus, onPointerOver }),
    [shown, hide, onFocus, onPointerOver],
  );
}

export function Peek({ peek }: { peek: PeekState }) {
  if (!peek.shown || peek.shown.text === '') return null;
  const { text, left, top, width } = peek.shown;
  return (
    <div className={classes.peek} data-peek style={{ left, top, minWidth: width }}>
      {text}
    </div>
  );
}
