// The frame around every page: navigation, company, breadcrumbs, live state, user.
import { Drawer } from '@mantine/core';
import { useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { useSuspenseQuery } from '@tanstack/react-query';
import { Outlet, useNavigate, useRouter, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { meQuery } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { useShortcut, useShortcutListener } from '@/lib/keys';
import { whyEnded } from '@/lib/use';
import { NARROW } from '@/ui/theme';
import { HelpDialog } from './HelpDialog';
import { useLiveCache } from './live-cache';
import { Nav } from './Nav';
import { type AppPage, pagesOf } from './pages';
import classes from './Shell.module.css';
import { TopBar } from './TopBar';

const Palette = lazy(() => import('./palette').then((module) => ({ default: module.Palette })));

export function Shell() {
  const me = useSuspenseQuery(meQuery).data;
  const narrow = useMediaQuery(NARROW) ?? false;
  const [folded, setFolded] = useLocalStorage({ key: 'wheelhouse-nav-folded', defaultValue: false });
  const [sheet, setSheet] = useState(false);
  const [help, setHelp] = useState(false);
  useLiveCache(me.tenant.id);
  useShortcutListener();
  useShortcut('?', 'Show the shortcuts', 'Everywhere', () => setHelp(true));
  useShortcut('[', 'Fold or unfold the navigation', 'Everywhere', () => setFolded(!folded));
  const [palette, setPalette] = useState(false);
  usePaletteKey(() => setPalette(true));
  useSignedOut();
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the sheet closes when the page changes
  useEffect(() => setSheet(false), [path]);

  return (
    <div className={classes.shell} data-folded={folded && !narrow}>
      <a href="#content" className={classes.skip}>
        Skip to content
      </a>
      {narrow ? (
        <Drawer.Root opened={sheet} onClose={() => setSheet(false)} size={260} padding={0}>
          <Drawer.Overlay />
          <Drawer.Content aria-label="Navigation" className={classes.sheet ?? ''}>
            <Drawer.Body h="100%">
              <Nav me={me} folded={false} />
            </Drawer.Body>
          </Drawer.Content>
        </Drawer.Root>
      ) : (
        <aside className={classes.side}>
          <Nav me={me} folded={folded} onFold={() => setFolded(!folded)} />
        </aside>
      )}
      <div className={classes.main}>
        <TopBar
          me={me}
          onMenu={narrow ? () => setSheet(true) : null}
          onHelp={() => setHelp(true)}
          onPalette={() => setPalette(true)}
        />
        <div className={classes.row}>
          <main id="content" className={classes.content} tabIndex={-1} data-scroller>
            <Outlet />
          </main>
          <div id="drawer" className={classes.drawer} />
        </div>
      </div>
      {pagesOf(me).map((page) => (
        <GoKey key={page.to} page={page} />
      ))}
      {palette ? (
        <Suspense fallback={null}>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      ) : null}
      {help ? <HelpDialog onClose={() => setHelp(false)} /> : null}
    </div>
  );
}

/** ⌘K or Ctrl-K, also while typing; not over a dialog that waits for an answer. */
function usePaletteKey(open: () => void): void {
  const latest = useRef(open);
  useEffect(() => {
    latest.current = open;
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (
        event.key.toLowerCase() !== 'k' ||
        !(event.metaKey || event.ctrlKey) ||
        event.altKey ||
        event.shiftKey
      )
        return;
      event.preventDefault();
      if (!document.querySelector('#overlays [role="dialog"][aria-modal="true"]')) latest.current();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, []);
}

function GoKey({ page: { to, keys, what } }: { page: AppPage }) {
  const navigate = useNavigate();
  useShortcut(keys, what, 'Go to', () => void navigate({ to }));
  return null;
}

/** When any request finds the session ended, the page goes to sign-in and comes back afterwards. */
function useSignedOut(): void {
  const router = useRouter();
  const { error } = useSuspenseQuery(meQuery);
  const cache = router.options.context.cache;
  useEffect(
    () =>
      cache.getQueryCache().subscribe(({ query, type }) => {
        if (type !== 'updated' || query.queryKey[1] === 'me') return;
        if (query.state.status === 'error' && asProblem(query.state.error).signedOut) {
          void cache.invalidateQueries({ queryKey: meQuery.queryKey });
        }
      }),
    [cache],
  );
  useEffect(() => {
    if (!error || !asProblem(error).signedOut) return;
    const next = router.state.location.href;
    cache.removeQueries({ queryKey: meQuery.queryKey });
    void router.navigate({ to: '/sign-in', search: { next, why: whyEnded() } as never });
  }, [error, cache, router]);
}
