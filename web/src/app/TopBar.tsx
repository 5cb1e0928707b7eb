// The line above each page: where one is, whether it is live, help, theme, user.
import { ActionIcon, Kbd, Menu, Tooltip, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useRouterState } from '@tanstack/react-router';
import {
  BookOpen,
  Check,
  ChevronRight,
  CircleHelp,
  Keyboard,
  LogOut,
  MenuIcon,
  Monitor,
  Moon,
  Search,
  Sun,
  WifiOff,
} from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Me } from '@/api/identity';
import { panelQuery } from '@/api/panels';
import { MOD } from '@/lib/keys';
import { useLiveStatus } from '@/lib/live';
import { TwoLines } from '@/ui/List';
import { attempt } from '@/ui/toast';
import { ActivityButton, NoticesButton } from './activity';
import { MANUAL, PAGES } from './pages';
import classes from './Shell.module.css';
import { useSignOut } from './session';

export function TopBar({
  me,
  onMenu,
  onHelp,
  onPalette,
}: {
  me: Me;
  onMenu: (() => void) | null;
  onHelp: () => void;
  onPalette: () => void;
}) {
  return (
    <section className={classes.top} aria-label="Top bar">
      {onMenu ? (
        <ActionIcon aria-label="Open the navigation" size={32} onClick={onMenu}>
          <MenuIcon size={18} />
        </ActionIcon>
      ) : null}
      <Crumbs />
      <LiveState />
      <UnstyledButton className={classes.find} onClick={onPalette} aria-label="Search or run a command">
        <Search size={14} aria-hidden />
        <span className={classes.findText}>Search or run</span>
        <Kbd className={classes.findText}>{MOD} K</Kbd>
      </UnstyledButton>
      <ActivityButton />
      <NoticesButton />
      <HelpMenu onKeys={onHelp} />
      <UserMenu me={me} />
    </section>
  );
}

function useCrumbs(): { text: string; to?: string }[] {
  const path = useRouterState({ select: (state) => state.location.pathname }).replace(/(.)\/$/, '$1');
  const { id } = useParams({ strict: false }) as { id?: string };
  const panel = useQuery({ ...panelQuery(id ?? ''), enabled: id !== undefined });
  if (id !== undefined) {
    const title = { text: panel.data?.title ?? '…', to: `/panels/${id}` };
    const list = { text: 'Panels', to: '/panels' };
    return path.endsWith('/import') ? [list, title, { text: 'Import' }] : [list, title];
  }
  // Reached by a link that a terminal prints, and by nothing else.
  if (path === '/cli-login') return [{ text: 'Command line' }];
  const names = PAGES.find((page) => page.to === path)?.crumbs ?? ['Not found'];
  return names.map((text) => (text === 'Panels' ? { text, to: '/panels' } : { text }));
}

function Crumbs() {
  const crumbs = useCrumbs();
  return (
    <nav aria-label="Breadcrumbs" style={{ flex: 1, minWidth: 0 }}>
      <ol className={classes.crumbs}>
        {crumbs.map(({ text, to }, index) => (
          <li
            key={to ?? text}
            className={classes.crumb}
            aria-current={index === crumbs.length - 1 ? 'page' : undefined}
          >
            {index > 0 ? <ChevronRight size={14} color="var(--wh-text-3)" aria-hidden /> : null}
            <span className={classes.crumbText}>
              {to && index < crumbs.length - 1 ? <Link to={to}>{text}</Link> : text}
            </span>
          </li>
        ))}
      </ol>
    </nav>
  );
}

const AWAY_SHOWN_AFTER_MS = 2_000;

/** Silent while all is well; says since when what is on screen may be old. */
function LiveState() {
  const status = useLiveStatus();
  const [away, setAway] = useState(false);
  useEffect(() => {
    if (status.state !== 'away') return setAway(false);
    const timer = window.setTimeout(() => setAway(true), navigator.onLine ? AWAY_SHOWN_AFTER_MS : 0);
    return () => window.clearTimeout(timer);
  }, [status]);
  const label = navigator.onLine ? 'Reconnecting' : 'Offline';
  const since = new Date(status.since).toLocaleTimeString();
  return (
    <span role="status" className={away ? classes.live : undefined} data-state="away">
      {away ? (
        <Tooltip
          label={`Live updates stopped at ${since}. What you see may be older than the server's data. Trying again by itself.`}
          maw={300}
        >
          <span style={{ display: 'inline-flex', gap: 7, alignItems: 'center' }}>
            <WifiOff size={14} aria-hidden />
            {label} · as of {since}
          </span>
        </Tooltip>
      ) : null}
    </span>
  );
}

function HelpMenu({ onKeys }: { onKeys: () => void }) {
  return (
    <Menu width={220}>
      <Menu.Target>
        <ActionIcon aria-label="Help" size={30}>
          <CircleHelp size={17} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          component="a"
          href={MANUAL}
          target="_blank"
          rel="noopener"
          leftSection={<BookOpen size={14} />}
        >
          Manual
        </Menu.Item>
        <Menu.Item leftSection={<Keyboard size={14} />} rightSection={<Kbd>?</Kbd>} onClick={onKeys}>
          Shortcuts
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const SCHEMES = [
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
  { value: 'auto', label: 'As the system', icon: Monitor },
] as const;

function UserMenu({ me }: { me: Me }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  const navigate = useNavigate();
  const initials = me.user.name
    .split(/\s+/)
    .map((word) => word[0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase();
  return (
    <Menu width={240}>
      <Menu.Target>
        <UnstyledButton aria-label={`User menu of ${me.user.name}`} p={3}>
          <span className={classes.avatar} aria-hidden>
            {initials}
          </span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <TwoLines first={me.user.name} second={`${me.user.email} · ${me.role}`} />
        </Menu.Label>
        <Menu.Divider />
        <Menu.Label>Theme</Menu.Label>
        {SCHEMES.map(({ value, label, icon: Icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={14} />}
            rightSection={colorScheme === value ? <Check size={14} aria-label="chosen" /> : null}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => void navigate({ to: '/settings/sessions' })}>Sessions</Menu.Item>
        <Menu.Item onClick={() => void navigate({ to: '/settings/password' })}>Password</Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<LogOut size={14} />} onClick={() => void attempt('sign out', signOut)}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
