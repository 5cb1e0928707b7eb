// Queries of API keys and service accounts.
import { infiniteQueryOptions } from '@tanstack/react-query';
import { type Answer, api } from './client';

export type ApiKey = Answer<'/v1/identity/api-keys', 'get'>['items'][number];
export type ServiceAccount = Answer<'/v1/identity/service-accounts', 'get'>['items'][number];
export type MadeKey = Answer<'/v1/identity/api-keys/{id}/made-keys', 'get'>['items'][number];
export type Revocation = Answer<'/v1/identity/api-keys/{id}', 'delete'>;

const PAGE_LIMIT = 100;

export const apiKeysQuery = infiniteQueryOptions({
  queryKey: ['identity', 'api-keys'],
  queryFn: ({ signal, pageParam }) =>
    api.get('/v1/identity/api-keys', {
      signal,
      query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
    }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const serviceAccountsQuery = infiniteQueryOptions({
  queryKey: ['identity', 'service-accounts'],
  queryFn: ({ signal, pageParam }) =>
    api.get('/v1/identity/service-accounts', {
      signal,
      query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
    }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

/** The living keys that a key made: asked when somebody is about to revoke it, so it is never from before. */
export const madeKeysQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['identity', 'made-keys', id],
    queryFn: ({ signal, pageParam }) =>
      api.get('/v1/identity/api-keys/{id}/made-keys', {
        signal,
        path: { id },
        query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    staleTime: 0,
    gcTime: 0,
  });

export const accountKeysQuery = (account_id: string) =>
  infiniteQueryOptions({
    queryKey: ['identity', 'service-accounts', account_id, 'api-keys'],
    queryFn: ({ signal, pageParam }) =>
      api.get('/v1/identity/service-accounts/{account_id}/api-keys', {
        signal,
        path: { account_id },
        query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
      }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
