// Queries of the operator's view: how the installation is and what its companies use; and what one's own company uses.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { type Answer, api } from './client';

export type Component = Answer<'/health/detailed', 'get'>['components'][number];
export type Node = Answer<'/v1/system/nodes', 'get'>['items'][number];
export type NodeName = Answer<'/v1/system/log-level', 'get'>['node'];
export type Queue = Answer<'/v1/system/queues', 'get'>['items'][number];
export type Parked = Answer<'/v1/system/parked', 'get'>['items'][number];
export type SlowStatement = Answer<'/v1/system/statements', 'get'>['items'][number];
export type Backups = Answer<'/v1/system/backups', 'get'>;
export type Company = Answer<'/v1/system/companies', 'get'>['items'][number];
export type Used = Company['used'][number];

const PAGE_LIMIT = 50;
/** What is on screen is at most so old. */
const REFRESH_MS = 5_000;
const fresh = { staleTime: 0, refetchInterval: REFRESH_MS } as const;

export const healthQuery = queryOptions({
  queryKey: ['system', 'health'],
  queryFn: ({ signal }) => api.get('/health/detailed', { signal }),
  ...fresh,
});

export const nodesQuery = queryOptions({
  queryKey: ['system', 'nodes'],
  queryFn: ({ signal }) => api.get('/v1/system/nodes', { signal }),
  ...fresh,
});

export const backupsQuery = queryOptions({
  queryKey: ['system', 'backups'],
  queryFn: ({ signal }) => api.get('/v1/system/backups', { signal }),
  ...fresh,
});

export const queuesQuery = queryOptions({
  queryKey: ['system', 'queues'],
  queryFn: ({ signal }) => api.get('/v1/system/queues', { signal }),
  ...fresh,
});

export const parkedQuery = infiniteQueryOptions({
  queryKey: ['system', 'parked'],
  queryFn: ({ signal, pageParam }) =>
    api.get('/v1/system/parked', {
      signal,
      query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
    }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor ?? undefined,
  ...fresh,
});

export const statementsQuery = queryOptions({
  queryKey: ['system', 'statements'],
  queryFn: ({ signal }) => api.get('/v1/system/statements', { signal }),
  ...fresh,
});

export const logLevelQuery = queryOptions({
  queryKey: ['system', 'log-level'],
  queryFn: ({ signal }) => api.get('/v1/system/log-level', { signal }),
});

export const companiesQuery = infiniteQueryOptions({
  queryKey: ['system', 'companies'],
  queryFn: ({ signal, pageParam }) =>
    api.get('/v1/system/companies', {
      signal,
      query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
    }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

/** What one's own company uses and may use. */
export const usageQuery = queryOptions({
  queryKey: ['system', 'usage'],
  queryFn: ({ signal }) => api.get('/v1/system/usage', { signal }),
  ...fresh,
});
