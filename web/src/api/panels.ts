// Queries of panels: the list, one panel, its imports, and windows of its rows.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { type Answer, api } from './client';

export type Panel = Answer<'/v1/panels/{id}', 'get'>;
export type PanelColumn = Panel['columns'][number];
export type ColumnKind = PanelColumn['kind'];
export type Import = Answer<'/v1/panels/{id}/imports', 'get'>['items'][number];
export type RowWindow = Answer<'/v1/panels/{id}/rows', 'get'>;
/** A whole number of more than 53 bits is a text. */
export type CellValue = string | number | boolean | null;

const PAGE_LIMIT = 100;
/** Rows per request of the grid. */
export const WINDOW_ROWS = 200;

export const panelsQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: ['panels', 'list', q],
    queryFn: ({ signal, pageParam }) =>
      api.get('/v1/panels', {
        signal,
        query: { limit: PAGE_LIMIT, ...(q ? { q } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const panelQuery = (id: string) =>
  queryOptions({
    queryKey: ['panels', 'one', id],
    queryFn: ({ signal }) => api.get('/v1/panels/{id}', { signal, path: { id } }),
    // The route asks; what stands around it takes the same answer.
    retryOnMount: false,
  });

export const importsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['panels', 'imports', id],
    queryFn: ({ signal, pageParam }) =>
      api.get('/v1/panels/{id}/imports', {
        signal,
        path: { id },
        query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

/** What runs now, over all panels. */
export const runningImportsQuery = queryOptions({
  queryKey: ['panels', 'recent', 'running'],
  queryFn: ({ signal }) => api.get('/v1/panels/imports', { signal, query: { state: 'running', limit: 50 } }),
});

/** The newest imports of all panels. */
export const recentImportsQuery = queryOptions({
  queryKey: ['panels', 'recent', 'all'],
  queryFn: ({ signal }) => api.get('/v1/panels/imports', { signal, query: { limit: 40 } }),
});

/** What a view asks for, apart from where it stands: the part of the key that all its windows share. */
export interface RowsRequest {
  filter?: string;
  sort?: string;
  q?: string;
  columns?: string;
}

export const rowsKey = (id: string) => ['panels', 'rows', id] as const;

/** `ahead`: fetched before it is needed. What is in sight goes first when rows change. */
export const rowsQuery = (id: string, request: RowsRequest, page: number, ahead = false) =>
  queryOptions({
    queryKey: [...rowsKey(id), request, page],
    meta: { ahead },
    queryFn: ({ signal }) =>
      api.get('/v1/panels/{id}/rows', {
        signal,
        path: { id },
        query: { ...request, offset: page * WINDOW_ROWS, limit: WINDOW_ROWS },
        exact: true,
      }),
    // Only an import changes rows, and the live socket says so; nothing else makes a window old.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    refetchOnWindowFocus: false,
  });
