// The addresses of the app. Each page is loaded by its route; who is not signed in is sent to sign in and back.
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { meQuery, setupQuery } from '@/api/identity';
import { panelQuery } from '@/api/panels';
import { asProblem } from '@/api/problem';
import { queryClient } from '@/api/query';
import { parseSearch, type Search, stringifySearch } from '@/lib/search';
import { FailedPage, NotFoundPage, PendingPage } from './states';

const rootRoute = createRootRouteWithContext<{ cache: QueryClient }>()({
  component: Outlet,
  errorComponent: ({ error, reset }) => <FailedPage error={error} onRetry={reset} alone />,
  notFoundComponent: () => <NotFoundPage alone />,
});

const identity = () => import('@/features/identity');
const panels = () => import('@/features/panels');
const system = () => import('@/features/system');

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  loader: ({ context }) => context.cache.fetchQuery(setupQuery),
  component: lazyRouteComponent(identity, 'SetupPage'),
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  component: lazyRouteComponent(identity, 'SignInPage'),
});

const inviteRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invite',
  component: lazyRouteComponent(identity, 'InvitePage'),
});

/** Everything inside the shell; loads who is signed in first. */
const insideRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'inside',
  beforeLoad: async ({ context, location }) => {
    try {
      await context.cache.ensureQueryData(meQuery);
    } catch (error) {
      if (!asProblem(error).signedOut) throw error;
      const { needed } = await context.cache.fetchQuery(setupQuery);
      if (needed) throw redirect({ to: '/setup' });
      const next = location.href === '/' || location.href === '/panels' ? {} : { next: location.href };
      throw redirect({ to: '/sign-in', search: next as Search });
    }
  },
  component: lazyRouteComponent(() => import('./Inside'), 'Inside'),
});

const inside = { getParentRoute: () => insideRoute } as const;

const homeRoute = createRoute({
  ...inside,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/panels', replace: true });
  },
});

const panelListRoute = createRoute({
  ...inside,
  path: '/panels',
  component: lazyRouteComponent(panels, 'PanelListPage'),
});

const panelNewRoute = createRoute({
  ...inside,
  path: '/panels/new',
  component: lazyRouteComponent(() => import('@/features/panels/import'), 'NewPanelPage'),
});

const panelRoute = createRoute({
  ...inside,
  path: '/panels/$id',
  loader: ({ context, params }) => context.cache.ensureQueryData(panelQuery(params.id)),
  component: lazyRouteComponent(() => import('@/features/panels/grid'), 'PanelPage'),
});

const panelImportRoute = createRoute({
  ...inside,
  path: '/panels/$id/import',
  loader: ({ context, params }) => context.cache.ensureQueryData(panelQuery(params.id)),
  component: lazyRouteComponent(() => import('@/features/panels/import'), 'ImportIntoPanelPage'),
});

const membersRoute = createRoute({
  ...inside,
  path: '/people/members',
  component: lazyRouteComponent(identity, 'MembersPage'),
});

const sessionsRoute = createRoute({
  ...inside,
  path: '/settings/sessions',
  component: lazyRouteComponent(identity, 'SessionsPage'),
});

const apiKeysRoute = createRoute({
  ...inside,
  path: '/settings/api-keys',
  component: lazyRouteComponent(() => import('@/features/identity/keys'), 'ApiKeysPage'),
});

const passwordRoute = createRoute({
  ...inside,
  path: '/settings/password',
  component: lazyRouteComponent(identity, 'PasswordPage'),
});

const usageRoute = createRoute({
  ...inside,
  path: '/settings/usage',
  component: lazyRouteComponent(system, 'UsagePage'),
});

const adminRoute = createRoute({
  ...inside,
  path: '/admin',
  component: lazyRouteComponent(system, 'AdminPage'),
});

const cliLoginRoute = createRoute({
  ...inside,
  path: '/cli-login',
  component: lazyRouteComponent(identity, 'CliLoginPage'),
});

const unknownRoute = createRoute({ ...inside, path: '$', component: () => <NotFoundPage /> });

const routeTree = rootRoute.addChildren([
  setupRoute,
  signInRoute,
  inviteRoute,
  insideRoute.addChildren([
    homeRoute,
    panelListRoute,
    panelNewRoute,
    panelRoute,
    panelImportRoute,
    membersRoute,
    sessionsRoute,
    apiKeysRoute,
    passwordRoute,
    usageRoute,
    adminRoute,
    cliLoginRoute,
    unknownRoute,
  ]),
]);

export const router = createRouter({
  routeTree,
  context: { cache: queryClient },
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 200,
  defaultPendingMinMs: 0,
  defaultPendingComponent: PendingPage,
  defaultErrorComponent: ({ error, reset }) => <FailedPage error={error} onRetry={reset} />,
  scrollRestoration: false,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
