// The row of heads: those of the columns in sight, and where a head that is dragged would be dropped.
import { useCallback } from 'react';
import { withFocus } from './drawn';
import classes from './Grid.module.css';
import { type ColumnActions, HeadCell } from './HeadCell';
import { type Layout, ofOnePart, type PlacedColumn } from './layout';
import type { GridScroll } from './useGridScroll';
import type { SortKey } from './view';

interface Props {
  layout: Layout;
  sort: readonly SortKey[];
  actions: ColumnActions;
  onResizing: (column: string, width: number | null) => void;
  drawn: readonly PlacedColumn[];
  focusCol: number;
  menu: number | null;
  onMenu: (column: number | null) => void;
  onDrop: (target: number | null) => void;
  scroll: GridScroll;
}

export function GridHead({
  layout,
  sort,
  actions,
  onResizing,
  drawn,
  focusCol,
  menu,
  onMenu,
  onDrop,
  scroll,
}: Props) {
  const { layer, left } = scroll;
  const targetAt = useCallback(
    (clientX: number, dragged: PlacedColumn) => {
      const x = clientX - (layer.current?.getBoundingClientRect().left ?? 0);
      const inPart = layout.columns.filter((one) => ofOnePart(one, dragged));
      const here = dragged.pinned ? x : x - layout.fixed + left();
      const over = inPart.findLast((one) => here >= one.left) ?? inPart[0];
      return over?.index ?? dragged.index;
    },
    [layout, layer, left],
  );
  const columns = focusCol >= 0 ? withFocus(drawn, layout, focusCol) : drawn;
  const draw = (column: PlacedColumn) => {
    const place = sort.findIndex((key) => key.column === column.name);
    return (
      <HeadCell
        key={column.name}
        column={column}
        columns={layout.columns.length}
        focused={column.index === focusCol}
        sorted={place < 0 ? null : { place, descending: sort[place]?.descending ?? false, keys: sort.length }}
        actions={actions}
        menuOpen={menu === column.index}
        onMenu={onMenu}
        targetAt={targetAt}
        onDrag={onDrop}
        onResizing={onResizing}
      />
    );
  };
  return (
    <div role="rowgroup" className={classes.head}>
      <div role="row" aria-rowindex={1}>
        <div
          role="columnheader"
          aria-colindex={1}
          className={classes.corner}
          style={{ width: layout.gutter }}
        >
          <span className="hidden-visually">Row</span>
        </div>
        {columns.filter((column) => column.pinned).map(draw)}
        <div className={classes.moving}>{columns.filter((column) => !column.pinned).map(draw)}</div>
      </div>
    </div>
  );
}
