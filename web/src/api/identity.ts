// Queries of identity: who I am, who else is here, which sessions and invitations exist.
import { infiniteQueryOptions, queryOptions, useSuspenseQuery } from '@tanstack/react-query';
import { type Answer, api } from './client';

export type Me = Answer<'/v1/identity/me', 'get'>;
export type Role = Me['role'];
export type Member = Answer<'/v1/identity/members', 'get'>['items'][number];
export type Invitation = Answer<'/v1/identity/invitations', 'get'>['items'][number];
export type Session = Answer<'/v1/identity/sessions', 'get'>['items'][number];

const PAGE_LIMIT = 100;

export const meQuery = queryOptions({
  queryKey: ['identity', 'me'],
  queryFn: ({ signal }) => api.get('/v1/identity/me', { signal }),
  staleTime: 60_000,
});

export const setupQuery = queryOptions({
  queryKey: ['identity', 'setup'],
  queryFn: ({ signal }) => api.get('/v1/identity/setup', { signal }),
  staleTime: 0,
});

export const membersQuery = infiniteQueryOptions({
  queryKey: ['identity', 'members'],
  queryFn: ({ signal, pageParam }) =>
    api.get('/v1/identity/members', {
      signal,
      query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
    }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

/** Some of the members: those whose name or address holds the text. */
export const peopleQuery = (q: string) =>
  queryOptions({
    queryKey: ['identity', 'members', 'called', q],
    queryFn: ({ signal }) =>
      api.get('/v1/identity/members', { signal, query: { limit: PAGE_LIMIT, ...(q ? { q } : {}) } }),
  });

export const invitationsQuery = infiniteQueryOptions({
  queryKey: ['identity', 'invitations'],
  queryFn: ({ signal, pageParam }) =>
    api.get('/v1/identity/invitations', {
      signal,
      query: { limit: PAGE_LIMIT, ...(pageParam ? { cursor: pageParam } : {}) },
    }),
  initialPageParam: '',
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const sessionsQuery = queryOptions({
  queryKey: ['identity', 'sessions'],
  queryFn: ({ signal }) => api.get('/v1/identity/sessions', { signal }),
});

/** One's own session, for its limits: asked once, because each asking is a use of it. */
export const limitsQuery = queryOptions({
  queryKey: ['identity', 'limits'],
  queryFn: ({ signal }) => api.get('/v1/identity/sessions', { signal }),
  staleTime: Number.POSITIVE_INFINITY,
  refetchOnWindowFocus: false,
  select: ({ items }) => items.find((one) => one.current),
});

/** Who is signed in. The shell has loaded it before any page below it shows. */
export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

/** The roles, from least to most, and what each may do; the words are the API's. */
export const ROLES: readonly { role: Role; summary: string }[] = [
  { role: 'viewer', summary: 'Looks at panels and members' },
  { role: 'editor', summary: 'Also creates panels and imports data' },
  { role: 'operator', summary: 'Also acts on what runs' },
  { role: 'admin', summary: 'Also invites, changes and removes members' },
  { role: 'owner', summary: 'Also answers for the company itself' },
];

/** The least role that holds each permission; a test holds it against the spec. */
const LOWEST_ROLE: Readonly<Record<string, Role>> = {
  'identity:self': 'viewer',
  'identity:read': 'viewer',
  'identity:write': 'admin',
  'identity:tenant': 'owner',
  'panels:read': 'viewer',
  'panels:write': 'editor',
  'system:read': 'owner',
  'system:write': 'owner',
  'usage:read': 'admin',
};

/** Whether a role can hold a permission at all; one that this page does not know is left to the server. */
export function roleHolds(role: Role, permission: string): boolean {
  const rank = (one: Role) => ROLES.findIndex((known) => known.role === one);
  const lowest = LOWEST_ROLE[permission];
  return lowest === undefined || rank(role) >= rank(lowest);
}

/** Why the actor may not do it, or null when they may. */
export function useForbidden(permission: string): string | null {
  const me = useMe();
  if (me.permissions.includes(permission)) return null;
  // What is about the installation is held in one company only: there a role alone does not give it.
  const lowest = permission.startsWith('system:') ? undefined : LOWEST_ROLE[permission];
  const need = lowest ? `the role ${lowest} or above` : `the permission ${permission}`;
  return `Needs ${need}; you are ${me.role} in ${me.tenant.name}.`;
}
