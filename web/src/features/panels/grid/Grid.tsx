// The grid: millions of rows in a window of a few dozen, walked by keyboard, read out by rows and columns.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { PanelColumn, RowsRequest } from '@/api/panels';
import { count as formatCount, plural } from '@/lib/format';
import { useKeyNotes } from '@/lib/keys';
import { ProblemNote } from '@/ui/ProblemNote';
import { copyAsTheyAre, copySelection, SelectionFacts } from './copy';
import { drawnRows, slotOf, useDrawn, withFocus } from './drawn';
import classes from './Grid.module.css';
import { GridHead } from './GridHead';
import type { ColumnActions } from './HeadCell';
import type { Layout } from './layout';
import { Peek, usePeek } from './Peek';
import { pointerSelection } from './pointer';
import { Row } from './Row';
import { RowDrawer } from './RowDrawer';
import type { Rows } from './rows';
import { at, boxOf, isRange, type Selection } from './selection';
import { GRID_KEYS, useGridKeys } from './useGridKeys';
import { type GridScroll, useGridScroll, type Window2D } from './useGridScroll';
import type { SortKey } from './view';

export interface GridProps {
  label: string;
  panelId: string;
  request: RowsRequest;
  layout: Layout;
  rows: Rows;
  sort: readonly SortKey[];
  /** The row of the address: brought into view when it changes from outside. */
  row: number;
  onRow: (row: number) => void;
  onShown: (shown: Window2D) => void;
  /** How wide its window is, in px. */
  onWidth: (width: number) => void;
  actions: ColumnActions;
  onResizing: (column: string, width: number | null) => void;
  /** Whether the row in focus is open in the drawer. */
  open: boolean;
  onOpen: (row: number | null) => void;
  columns: readonly PanelColumn[];
}

export function Grid(props: GridProps) {
  const { label, layout, rows, actions, onShown, onWidth, onRow, row: startRow } = props;
  const rowCount = rows.count ?? 0;
  const root = useRef<HTMLDivElement>(null);
  const [selection, setSelection] = useState<Selection>(() => at(startRow, 0));
  const [focused, setFocused] = useState(false);
  const [menu, setMenu] = useState<number | null>(null);
  const [drop, setDrop] = useState<number | null>(null);
  const peek = usePeek(root);
  const scroll = useGridScroll(rowCount, layout, peek.hide);
  const { shown, show } = scroll;
  const cols = layout.columns.length;
  const focus = {
    row: Math.min(selection.focus.row, Math.max(-1, rowCount - 1)),
    col: Math.min(selection.focus.col, cols - 1),
  };
  const box = boxOf(selection);

  useEffect(() => onShown(shown), [shown, onShown]);
  useEffect(() => onWidth(scroll.size.width), [scroll.size.width, onWidth]);
  useKeyNotes('In the grid', GRID_KEYS);
  useStartRow(startRow, rowCount, scroll, focus.row, setSelection);
  useFreshQuestion(props.request, scroll, setSelection);

  const select = useCallback(
    (next: Selection) => {
      setSelection(next);
      show(next.focus.row, next.focus.col);
      if (next.focus.row >= 0) onRow(next.focus.row);
    },
    [show, onRow],
  );

  // The focus follows the cell; a cell in focus stays drawn wherever the view goes, though elements change hands.
  const peekAt = peek.onFocus;
  useLayoutEffect(() => {
    if (!focused) return;
    const cell = root.current?.querySelector<HTMLElement>(`[data-cell="${focus.row}:${focus.col}"]`);
    if (cell && cell !== document.activeElement && !menuHasFocus()) cell.focus({ preventScroll: true });
  });
  useEffect(() => {
    const cell = focused
      ? root.current?.querySelector<HTMLElement>(`[data-cell="${focus.row}:${focus.col}"]`)
      : null;
    peekAt(cell ?? null);
  }, [focus.row, focus.col, focused, peekAt]);

  const source = { ...props, selection: { ...selection, focus } };
  const keys = useGridKeys({
    selection: { ...selection, focus },
    bounds: { rows: rowCount, cols, page: scroll.pageRows },
    layout,
    select,
    actions,
    openMenu: setMenu,
    peek,
    copyAsTheyAre: () => copyAsTheyAre(source),
    onOpenRow: (row) => (props.open ? props.onOpen(null) : props.onOpen(row)),
  });

  const onMenu = useCallback((column: number | null) => {
    setMenu((open) => {
      // Closed: the focus goes back to the head it came from.
      if (column === null && open !== null) {
        setSelection(at(-1, open));
        setFocused(true);
      }
      return column;
    });
  }, []);
  const drawn = useDrawn(layout, shown);
  const indexes = drawnRows(shown, rowCount, focus.row);

  return (
    <>
      <div
        ref={root}
        className={classes.grid}
        data-focused={focused}
        tabIndex={-1}
        onKeyDown={keys}
        onFocus={(event) => setFocused(event.target.hasAttribute('data-cell'))}
        onBlur={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget)) {
            setFocused(false);
            peek.hide();
          }
        }}
        onCopy={(event) => copySelection(event, source)}
        onPointerOver={peek.onPointerOver}
        onPointerLeave={peek.hide}
        {...pointerSelection(selection, select, setFocused, cols, props.onOpen)}
      >
        <div ref={scroll.scroller} className={classes.scroller}>
          <div
            style={{
              width: scroll.spacer.width,
              height: scroll.spacer.height,
              minHeight: scroll.size.height,
            }}
          >
            <div
              ref={scroll.layer}
              role="grid"
              className={classes.layer}
              aria-label={label}
              aria-rowcount={rowCount + 1}
              aria-colcount={cols + 1}
              aria-multiselectable
              aria-busy={rows.behind || rows.count === null}
              style={
                {
                  width: scroll.size.width,
                  height: scroll.size.height,
                  '--fixed': `${layout.fixed}px`,
                } as never
              }
            >
              <GridHead
                {...props}
                drawn={drawn}
                focusCol={focus.row < 0 || rowCount === 0 ? focus.col : -1}
                menu={menu}
                onMenu={onMenu}
                onDrop={setDrop}
                scroll={scroll}
              />
              <div role="rowgroup" className={classes.rows} data-behind={rows.behind}>
                <div ref={scroll.body} className={classes.body}>
                  {indexes.map((index) => (
                    <Row
                      key={slotOf(index, shown)}
                      index={index}
                      base={scroll.base}
                      columns={index === focus.row ? withFocus(drawn, layout, focus.col) : drawn}
                      cells={rows.row(index)}
                      place={rows.place}
                      version={rows.versionAt(index)}
                      gutter={layout.gutter}
                      focus={index === focus.row ? focus.col : -1}
                      selectedFrom={
                        isRange(selection) && index >= box.top && index <= box.bottom ? box.left : -1
                      }
                      selectedTo={
                        isRange(selection) && index >= box.top && index <= box.bottom ? box.right : -2
                      }
                    />
                  ))}
                </div>
              </div>
              <PinEdge layout={layout} />
              {drop === null ? null : (
                <div className={classes.dropMark} style={{ left: dropX(layout, drop, scroll.left()) }} />
              )}
            </div>
          </div>
        </div>
        {rows.error && rows.count === null ? (
          <div className={classes.over}>
            <ProblemNote error={rows.error} onRetry={rows.retry} />
          </div>
        ) : null}
        <Peek peek={peek} />
      </div>
      {props.open ? (
        <RowDrawer
          {...props}
          row={Math.max(0, focus.row)}
          rowCount={rows.count}
          go={(row) => select(at(row, focus.col))}
          onClose={() => {
            props.onOpen(null);
            setFocused(true);
          }}
        />
      ) : null}
      <footer className={classes.foot}>
        <span className="tabular">
          {focus.row >= 0 && rowCount > 0
            ? `Row ${formatCount(focus.row + 1)} of ${formatCount(rowCount)}`
            : plural(rowCount, 'row')}
        </span>
        <SelectionFacts source={source} />
      </footer>
    </>
  );
}

function PinEdge({ layout }: { layout: Layout }) {
  if (layout.fixed === layout.gutter) return null;
  return <div className={classes.pinEdge} style={{ left: layout.fixed - 1 }} />;
}

function dropX(layout: Layout, target: number, left: number): number {
  const column = layout.columns[target];
  if (!column) return 0;
  return column.pinned ? column.left : column.left + layout.fixed - left;
}

/** While a column's menu is open the focus is its own. */
function menuHasFocus(): boolean {
  return document.activeElement?.closest('[role="menu"]') != null;
}

/** The row of the address is shown when the first answer is there, and when the address changes by itself. */
function useStartRow(
  row: number,
  rowCount: number,
  scroll: GridScroll,
  focusRow: number,
  setSelection: (selection: Selection) => void,
): void {
  const done = useRef(-1);
  const { toTop, pageRows } = scroll;
  const ready = rowCount > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a changed address moves the view
  useEffect(() => {
    if (!ready || done.current === row) return;
    const first = done.current < 0;
    done.current = row;
    if (row === Math.max(0, focusRow) && !first) return;
    if (first && row === 0) return;
    setSelection(at(Math.min(row, rowCount - 1), 0));
    toTop(Math.max(0, row - Math.floor(pageRows / 3)));
  }, [row, ready]);
}

/** Another filter, sort or search begins at the top; a focus in the head stays there. */
function useFreshQuestion(
  request: RowsRequest,
  scroll: GridScroll,
  setSelection: (change: (selection: Selection) => Selection) => void,
): void {
  const before = useRef(request);
  const { toTop } = scroll;
  useEffect(() => {
    if (before.current === request) return;
    before.current = request;
    setSelection(({ focus }) => at(Math.min(0, focus.row), focus.col));
    toTop(0);
  }, [request, toTop, setSelection]);
}
