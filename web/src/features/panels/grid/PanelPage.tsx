// A panel: its grid, how it is looked at, and what can be done with it.
import { FileButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { FileUp } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useForbidden, useMe } from '@/api/identity';
import { type Panel, type PanelColumn, panelQuery, type RowsRequest } from '@/api/panels';
import { asProblem } from '@/api/problem';
import { remember } from '@/lib/recent';
import type { Search } from '@/lib/search';
import { ActButton } from '@/ui/Guarded';
import { Empty } from '@/ui/List';
import { Page, usePageTitle } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';
import { DropZone } from '../DropZone';
import { handOver } from '../handover';
import { movedTo } from './ColumnsPanel';
import { newCondition } from './FilterBuilder';
import { FilterChips } from './FilterChips';
import { type Condition, type Group, incomplete, without, writeFilter } from './filter';
import { Grid } from './Grid';
import type { ColumnActions } from './HeadCell';
import { arrange, cellText, fitWidth, heldPins, layOut, shownColumns } from './layout';
import { PanelActions } from './PanelActions';
import page from './PanelPage.module.css';
import { Gone, Refused, RefusedByServer } from './Refused';
import { type Rows, useRows } from './rows';
import { type Opened, Toolbar } from './Toolbar';
import type { Window2D } from './useGridScroll';
import {
  appliedOnly,
  readView,
  rowsRequest,
  SORT_KEYS_MAX,
  type SortKey,
  type View,
  viewRefusals,
  WIDTH_MAX_PX,
  WIDTH_MIN_PX,
  writeView,
} from './view';

export function PanelPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const panel = useQuery(panelQuery(id));
  const title = panel.data?.title;
  usePageTitle(title ?? 'Panel');
  const tenant = useMe().tenant.id;
  useEffect(() => {
    if (title !== undefined) remember(tenant, { kind: 'panel', id, label: title });
  }, [tenant, id, title]);
  // Somebody deleted it while it was looked at: what was there must not go on standing there.
  if (panel.data && panel.error && asProblem(panel.error).status === 404)
    return <Gone title={panel.data.title} />;
  if (panel.data && panel.data.columns.length > 0 && panel.data.rows > 0)
    return <PanelGrid key={id} panel={panel.data} />;
  if (panel.data) return <EmptyPanel panel={panel.data} />;
  return panel.error ? (
    <div style={{ padding: 24 }}>
      <ProblemNote error={panel.error} onRetry={() => panel.refetch()} />
    </div>
  ) : null;
}

function EmptyPanel({ panel }: { panel: Panel }) {
  const navigate = useNavigate();
  const forbidden = useForbidden('panels:write');
  const importFile = (file: File) => {
    handOver(file);
    void navigate({ to: '/panels/$id/import', params: { id: panel.id } });
  };
  return (
    <Page title={panel.title} actions={<PanelActions panel={panel} request={NOTHING} />}>
      <DropZone refused={forbidden} label={`Import into ${panel.title}`} onFile={importFile} />
      <Empty
        icon={<FileUp size={28} />}
        title="No rows yet"
        action={
          <FileButton onChange={(file) => file && importFile(file)}>
            {({ onClick }) => (
              <ActButton variant="filled" refused={forbidden} onClick={onClick}>
                Choose a file
              </ActButton>
            )}
          </FileButton>
        }
      >
        Drop a CSV, TSV or NDJSON file anywhere on this page. You see how it is read before anything is
        stored.
      </Empty>
    </Page>
  );
}

const NOTHING: RowsRequest = {};
/** The address follows the focus when it rests. */
const ROW_AFTER_MS = 400;

const START: Window2D = { first: 0, last: 40, colFirst: 0, colLast: 30, fast: false };

function PanelGrid({ panel }: { panel: Panel }) {
  const { columns } = panel;
  const { view, unread, change } = useView();
  const request = useRequest(view, panel);
  const [shown, setShown] = useState<Window2D>(START);
  const refusals = viewRefusals(view, unread, columns);
  const refused = refusals.length > 0;
  const asked = useRows(panel.id, refused ? null : request, shown, shown.fast);
  // An answer that did not come leaves the rows of another question: they must not stand under this one's name.
  const failed = asked.error !== null && asked.behind;
  const rows = refused || failed ? { ...asked, count: null } : asked;
  const [opened, setOpened] = useState<Opened>(null);
  const [draft, setDraft] = useDraft(view.filter, columns, opened === 'filter', change);
  const [resizing, setResizing] = useState<Record<string, number>>({});
  const fitted = useFitted(panel, rows);
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY);

  const rowCount = rows.count ?? panel.rows;
  // By the widths before a drag: what is dragged must not change its part under the pointer.
  const held = useMemo(
    () => heldPins(shownColumns(columns, view), view, fitted, rowCount, width),
    [columns, view, fitted, rowCount, width],
  );
  const layout = useMemo(() => {
    const widths = { ...view.widths, ...resizing };
    return layOut(shownColumns(columns, view), { ...view, widths }, fitted, rowCount, held);
  }, [columns, view, fitted, resizing, rowCount, held]);

  const actions = useColumnActions(panel, view, rows, change, (column) => {
    const one = columns.find(({ name }) => name === column);
    setDraft({ ...draft, parts: [...draft.parts, newCondition(one)] });
    setOpened('filter');
  });

  const onResizing = useCallback((column: string, width: number | null) => {
    setResizing(width === null ? {} : { [column]: Math.max(WIDTH_MIN_PX, Math.min(WIDTH_MAX_PX, width)) });
  }, []);
  // A row of the question before is no row of this one.
  const later = useLater(
    ({ row, of }: { row: number; of: RowsRequest }) => of === request && change({ row }, 'quiet'),
    ROW_AFTER_MS,
  );
  const onRow = useCallback((row: number) => later({ row, of: request }), [later, request]);
  const forbidden = useForbidden('panels:write');
  const navigate = useNavigate();

  return (
    <div className={page.page}>
      <h1 className="hidden-visually">{panel.title}</h1>
      <DropZone
        refused={forbidden}
        label={`Import into ${panel.title}`}
        onFile={(file) => {
          handOver(file);
          void navigate({ to: '/panels/$id/import', params: { id: panel.id } });
        }}
      />
      <Toolbar
        columns={columns}
        view={view}
        rows={rows}
        draft={draft}
        onDraft={setDraft}
        onView={change}
        opened={opened}
        onOpen={setOpened}
        actions={<PanelActions panel={panel} request={request} />}
      />
      <FilterChips
        view={view}
        columns={columns}
        unread={unread}
        onView={change}
        onEdit={() => setOpened('filter')}
        onForget={() => change({}, 'step', unread)}
      />
      {rows.error && rows.count !== null ? (
        <div className={page.note}>
          <ProblemNote error={rows.error} onRetry={rows.retry} />
        </div>
      ) : null}
      {refused ? (
        <Refused
          refusals={refusals}
          onDrop={() => change(appliedOnly(view, columns), 'step', unread)}
          onEdit={draft.parts.length > 0 ? () => setOpened('filter') : null}
        />
      ) : failed ? (
        <RefusedByServer error={rows.error} onRetry={rows.retry} />
      ) : (
        <Grid
          label={panel.title}
          panelId={panel.id}
          request={request}
          layout={layout}
          rows={rows}
          sort={view.sort}
          row={view.row}
          onRow={onRow}
          onShown={setShown}
          onWidth={setWidth}
          actions={actions}
          onResizing={onResizing}
          columns={columns}
          open={view.open}
          onOpen={(row) => change(row === null ? { open: false } : { open: true, row })}
        />
      )}
      {rows.count === 0 && rows.total > 0 ? (
        <div className={page.none}>
          <Empty
            icon={<FileUp size={0} />}
            title="No row matches"
            action={
              <ActButton onClick={() => change({ filter: { match: 'all', parts: [] }, q: '', row: 0 })}>
                Clear filter and search
              </ActButton>
            }
          />
        </div>
      ) : null}
    </div>
  );
}

/** The view lives in the address: read from it, written to it. */
function useView() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const read = useMemo(() => readView(search), [search]);
  const change = useCallback(
    (part: Partial<View>, how: 'step' | 'quiet' = 'step', forget: readonly string[] = []) => {
      const gone = Object.fromEntries(forget.map((name) => [name, undefined]));
      void navigate({
        to: '.',
        search: ((old: Search) => ({ ...old, ...gone, ...writeView(part) })) as never,
        replace: how === 'quiet',
        resetScroll: false,
      });
    },
    [navigate],
  );
  return { ...read, change };
}

/** The question to the API; the same object while it asks the same. */
function useRequest(view: View, panel: Panel): RowsRequest {
  const text = JSON.stringify(rowsRequest(view, panel.columns));
  return useMemo(() => JSON.parse(text) as RowsRequest, [text]);
}

const APPLY_AFTER_MS = 200;

/** The filter as it is being built: what is complete goes to the address, the rest waits here. */
function useDraft(
  filter: Group,
  columns: readonly PanelColumn[],
  building: boolean,
  change: (part: Partial<View>) => void,
): [Group, (draft: Group) => void] {
  const [draft, setDraft] = useState(filter);
  /** What came from the address is not touched before somebody changes it. */
  const given = useRef(filter);
  const applied = useRef(writeFilter(filter));
  useEffect(() => {
    const text = writeFilter(filter);
    if (text === applied.current) return;
    applied.current = text;
    given.current = filter;
    setDraft(filter);
  }, [filter]);
  useEffect(() => {
    if (draft === given.current) return;
    const complete = without(draft, (condition) => waits(condition, columns, building));
    const text = writeFilter(complete);
    if (text === applied.current) return;
    const timer = window.setTimeout(() => {
      applied.current = text;
      change({ filter: complete, row: 0 });
    }, APPLY_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [draft, columns, building, change]);
  return [draft, setDraft];
}

/** Whether a condition says nothing yet. While it is being typed, that is also what does not fit its column. */
function waits(condition: Condition, columns: readonly PanelColumn[], building: boolean): boolean {
  const kind = columns.find(({ name }) => name === condition.column)?.kind;
  const why = kind ? incomplete(condition, kind) : null;
  return why === 'Value missing' || (building && why !== null);
}

const SAMPLE_ROWS = 60;

/** Widths that fit the first rows, measured once per set of columns: later data must not make columns jump. */
function useFitted(panel: Panel, rows: Rows): Record<string, number> {
  const names = panel.columns.map(({ name }) => name).join('\n');
  const done = useRef<{ names: string; widths: Record<string, number> }>({ names: '', widths: {} });
  const ready = rows.count !== null && rows.count > 0 && rows.row(0) !== undefined;
  if (ready && done.current.names !== names) {
    const widths = Object.fromEntries(
      panel.columns.map((column) => [
        column.name,
        fitWidth(column, sampleTexts(column.name, column.kind, rows)),
      ]),
    );
    done.current = { names, widths };
  }
  return done.current.widths;
}

function sampleTexts(name: string, kind: Panel['columns'][number]['kind'], rows: Rows): string[] {
  const place = rows.place(name);
  const texts: string[] = [];
  for (let row = 0; row < SAMPLE_ROWS; row += 1) {
    const cells = rows.row(row);
    if (!cells) break;
    texts.push(cellText(cells[place], kind) ?? '');
  }
  return texts;
}

function nextSort(
  sort: readonly SortKey[],
  column: string,
  direction: Parameters<ColumnActions['sort']>[1],
  add: 'alone' | 'add',
): SortKey[] {
  const old = sort.find((key) => key.column === column);
  const others = sort.filter((key) => key.column !== column);
  const wanted =
    direction === 'next' ? (old ? (old.descending ? null : 'descending') : 'ascending') : direction;
  const key = wanted === null ? [] : [{ column, descending: wanted === 'descending' }];
  if (add === 'alone') return key;
  if (!old) return [...others, ...key].slice(0, SORT_KEYS_MAX);
  return sort.flatMap((one) => (one.column === column ? key : [one]));
}

function useColumnActions(
  panel: Panel,
  view: View,
  rows: Rows,
  change: (part: Partial<View>) => void,
  filter: (column: string) => void,
): ColumnActions {
  const names = shownColumns(panel.columns, view).map(({ name }) => name);
  const put = (next: readonly string[]) => change(arrange(next, panel.columns));
  const actions: ColumnActions = {
    sort: (column, direction, add) => change({ sort: nextSort(view.sort, column, direction, add), row: 0 }),
    move: (column, to) => put(movedTo(names, names.indexOf(column), to)),
    resize: (column, width) => {
      const one = panel.columns.find(({ name }) => name === column);
      const px =
        width === 'fit' && one ? fitWidth(one, sampleTexts(one.name, one.kind, rows)) : Number(width);
      change({ widths: { ...view.widths, [column]: px } });
    },
    hide: (column) => put(names.filter((name) => name !== column)),
    pin: (column) =>
      change({
        pinned: view.pinned.includes(column)
          ? view.pinned.filter((name) => name !== column)
          : [...view.pinned, column],
      }),
    filter,
  };
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  return useMemo(
    () => ({
      sort: (...args) => latest.current.sort(...args),
      move: (...args) => latest.current.move(...args),
      resize: (...args) => latest.current.resize(...args),
      hide: (...args) => latest.current.hide(...args),
      pin: (...args) => latest.current.pin(...args),
      filter: (...args) => latest.current.filter(...args),
    }),
    [],
  );
}

/** Calls with the last value once it has been quiet for a while. */
function useLater<T>(run: (value: T) => unknown, afterMs: number): (value: T) => void {
  const timer = useRef<number | undefined>(undefined);
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return useCallback(
    (value: T) => {
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => latest.current(value), afterMs);
    },
    [afterMs],
  );
}
