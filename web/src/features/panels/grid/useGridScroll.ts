// The grid's place: follows the native scrollbars, moves the drawn layer at once, draws anew only when other cells come into sight.
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { columnRange, type Layout } from './layout';
import {
  barOf,
  baseRow,
  clampTop,
  contentPx,
  type Extent,
  HEAD_PX,
  isScaled,
  ROW_PX,
  rowRange,
  spacerPx,
  topAfter,
  topToShow,
} from './scroll';

export interface Window2D {
  first: number;
  last: number;
  colFirst: number;
  colLast: number;
  /** The scrollbar is flying: what passes need not be fetched. */
  fast: boolean;
}

export interface GridScroll {
  scroller: RefObject<HTMLDivElement | null>;
  layer: RefObject<HTMLDivElement | null>;
  body: RefObject<HTMLDivElement | null>;
  shown: Window2D;
  base: number;
  size: { width: number; height: number };
  spacer: { width: number; height: number };
  pageRows: number;
  show: (row: number, col: number) => void;
  toTop: (row: number) => void;
  left: () => number;
}

const RESYNC_AFTER_MS = 140;
const FAST_VIEWS = 2.5;
const LINE_PX = 32;

export function useGridScroll(rows: number, layout: Layout, onScrolled: () => void): GridScroll {
  const scroller = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const place = useRef({ top: 0, left: 0, bar: 0 });
  const [size, setSize] = useState({ width: 1000, height: 600 });
  const extent: Extent = { rows, view: Math.max(ROW_PX, size.height - HEAD_PX) };
  const [shown, setShown] = useState<Window2D>({ first: 0, last: 40, colFirst: 0, colLast: 30, fast: false });
  const base = baseRow(shown.first);
  const now = useRef({ extent, layout, base, shown, onScrolled, width: size.width });

  const paint = useCallback(() => {
    const { top, left } = place.current;
    if (body.current)
      body.current.style.transform = `translate3d(0, ${now.current.base * ROW_PX - top}px, 0)`;
    layer.current?.style.setProperty('--left', `${-left}px`);
  }, []);

  const follow = useCallback(
    (fast: boolean, flush: boolean) => {
      const it = now.current;
      const { top, left } = place.current;
      const drawn = rowRange(top, it.extent);
      const cols = columnRange(it.layout, left, it.width);
      const old = it.shown;
      const same =
        drawn.first === old.first &&
        drawn.last === old.last &&
        cols.first === old.colFirst &&
        cols.last === old.colLast;
      if (!same) {
        const next = { ...drawn, colFirst: cols.first, colLast: cols.last, fast };
        if (flush) flushSync(() => setShown(next));
        else setShown(next);
      }
      paint();
    },
    [paint],
  );

  useLayoutEffect(() => {
    now.current = { extent, layout, base, shown, onScrolled, width: size.width };
    place.current.top = clampTop(place.current.top, extent);
    follow(false, false);
  });

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    let resync: number | undefined;
    const align = () => {
      const bar = barOf(place.current.top, now.current.extent);
      element.scrollTop = bar;
      place.current.bar = element.scrollTop;
    };
    const onScroll = () => {
      const { extent: ext } = now.current;
      const before = place.current.top;
      const bar = element.scrollTop;
      place.current.left = element.scrollLeft;
      if (bar !== place.current.bar) place.current.top = topAfter(bar, place.current.bar, before, ext);
      place.current.bar = bar;
      now.current.onScrolled();
      follow(Math.abs(place.current.top - before) > ext.view * FAST_VIEWS, true);
      window.clearTimeout(resync);
      if (isScaled(ext)) resync = window.setTimeout(align, RESYNC_AFTER_MS);
    };
    const onWheel = (event: WheelEvent) => {
      const { extent: ext } = now.current;
      if (
        !isScaled(ext) ||
        event.ctrlKey ||
        event.shiftKey ||
        Math.abs(event.deltaX) > Math.abs(event.deltaY)
      )
        return;
      event.preventDefault();
      const unit =
        event.deltaMode === WheelEvent.DOM_DELTA_LINE
          ? LINE_PX
          : event.deltaMode === WheelEvent.DOM_DELTA_PAGE
            ? ext.view
            : 1;
      place.current.top = clampTop(place.current.top + event.deltaY * unit, ext);
      align();
      now.current.onScrolled();
      follow(false, true);
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      window.clearTimeout(resync);
      element.removeEventListener('scroll', onScroll);
      element.removeEventListener('wheel', onWheel);
    };
  }, [follow]);

  const moveTo = useCallback(
    (top: number, left: number) => {
      const element = scroller.current;
      if (!element) return;
      place.current.top = clampTop(top, now.current.extent);
      element.scrollTop = barOf(place.current.top, now.current.extent);
      element.scrollLeft = left;
      place.current.bar = element.scrollTop;
      place.current.left = element.scrollLeft;
      follow(false, false);
    },
    [follow],
  );

  const show = useCallback(
    (row: number, col: number) => {
      const { extent: ext, layout: lay, width } = now.current;
      const { top, left } = place.current;
      const column = lay.columns[col];
      const room = width - lay.fixed;
      let nextLeft = left;
      if (column && !column.pinned) {
        if (column.left < left) nextLeft = column.left;
        else if (column.left + column.width > left + room)
          nextLeft = Math.min(column.left, column.left + column.width - room);
      }
      moveTo(row < 0 ? top : topToShow(row, top, ext), nextLeft);
    },
    [moveTo],
  );

  const toTop = useCallback((row: number) => moveTo(row * ROW_PX, place.current.left), [moveTo]);

  return {
    scroller,
    layer,
    body,
    shown,
    base,
    size,
    spacer: {
      width: layout.fixed + layout.moving,
      height: HEAD_PX + (contentPx(extent) > extent.view ? spacerPx(extent) : 0),
    },
    pageRows: Math.max(1, Math.floor(extent.view / ROW_PX) - 1),
    show,
    toTop,
    left: useCallback(() => place.current.left, []),
  };
}
