// One row in full: every column with its type and value, to read and to copy; moves on with the grid.
import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { address } from '@/api/client';
import { type CellValue, type PanelColumn, type RowsRequest, rowsQuery, WINDOW_ROWS } from '@/api/panels';
import { command } from '@/lib/curl';
import { count } from '@/lib/format';
import { CopyAs } from '@/ui/CopyAs';
import { type Fact, Facts } from '@/ui/Facts';
import { ProblemNote } from '@/ui/ProblemNote';
import { SideDrawer } from '@/ui/SideDrawer';
import classes from './Grid.module.css';
import { KIND_ICON } from './HeadCell';
import { cellText } from './layout';
import { useChanged } from './Row';

interface Props {
  panelId: string;
  request: RowsRequest;
  columns: readonly PanelColumn[];
  /** From 0. */
  row: number;
  rowCount: number | null;
  go: (row: number) => void;
  onClose: () => void;
}

export function RowDrawer({ panelId, request, columns, row, rowCount, go, onClose }: Props) {
  // The same window as the grid's, but held here: the row stays, and stays fresh, wherever the grid is scrolled.
  const window = useQuery(rowsQuery(panelId, request, Math.floor(row / WINDOW_ROWS)));
  const { data } = window;
  const cells = data?.rows[row % WINDOW_ROWS] as readonly CellValue[] | undefined;
  const changed = useChanged(row, cells, data?.version ?? null);
  const places = new Map(data?.columns.map((name, place) => [name, place]));
  const facts = columns.map(({ name, kind }): Fact => {
    const Icon = KIND_ICON[kind];
    const place = places.get(name) ?? -1;
    const text = cells ? cellText(cells[place], kind) : null;
    return {
      name,
      icon: <Icon size={13} aria-hidden />,
      kind: kind === 'datetime' ? 'datetime (UTC)' : kind,
      text: cells ? (text ?? '') : undefined,
      value: (
        <>
          {cells ? <Shown text={text} /> : <Skeleton height={12} width="60%" mt={4} radius="sm" />}
          {changed?.has(place) ? <span key={data?.version} className={classes.flash} /> : null}
        </>
      ),
    };
  });
  const asJson = () =>
    Object.fromEntries(columns.map(({ name }) => [name, cells?.[places.get(name) ?? -1] ?? null]));
  const api = address('/v1/panels/{id}/rows', { id: panelId }, { ...request, offset: row, limit: 1 });
  const cli = command('row list', { panel: panelId, ...request, offset: row, limit: 1 });
  const gone = data !== undefined && cells === undefined;
  return (
    <SideDrawer
      title={`Row ${count(row + 1)}${rowCount === null ? '' : ` of ${count(rowCount)}`}`}
      label="Row"
      actions={cells ? <CopyAs what={{ api, cli, json: asJson }} small /> : null}
      steps={{
        before: row > 0,
        next: rowCount !== null && row < rowCount - 1,
        go: (step) => go(row + step),
      }}
      onClose={onClose}
    >
      {window.error && !data ? (
        <div style={{ padding: 16 }}>
          <ProblemNote error={window.error} onRetry={() => window.refetch()} />
        </div>
      ) : gone ? (
        <p className={classes.gone}>
          There is no row {count(row + 1)}:{' '}
          {rowCount === 0 ? 'no row matches.' : `the last is ${count(rowCount ?? 0)}.`}
        </p>
      ) : (
        <Facts facts={facts} />
      )}
    </SideDrawer>
  );
}

function Shown({ text }: { text: string | null }) {
  return text === null || text === '' ? <span className={classes.nothing}>empty</span> : text;
}
