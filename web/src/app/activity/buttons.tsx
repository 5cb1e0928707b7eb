// The two buttons of the top bar: what runs, and what ended since last looked at. What they open is loaded with the first opening.
import { ActionIcon, Popover, Skeleton, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Activity, Bell } from 'lucide-react';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { type Me, useMe } from '@/api/identity';
import { runningImportsQuery } from '@/api/panels';
import { count } from '@/lib/format';
import { usePopoverFocus } from '@/ui/popover';
import classes from './activity.module.css';
import { useNotices } from './looked';

const ActivityPanel = lazy(() => import('./panels').then(({ ActivityPanel: one }) => ({ default: one })));
const NoticesPanel = lazy(() => import('./panels').then(({ NoticesPanel: one }) => ({ default: one })));

const mayLook = (me: Me) => me.permissions.includes('panels:read');
const SHOWN_MAX = 9;

export function ActivityButton() {
  const me = useMe();
  const may = mayLook(me);
  const running = useQuery({ ...runningImportsQuery, enabled: may }).data?.items.length ?? 0;
  if (!may) return null;
  return (
    <Opener
      name="Activity"
      said={running > 0 ? `Activity: ${count(running)} running` : 'Activity'}
      icon={<Activity size={17} />}
      mark={running > 0 ? <Mark n={running} state="running" /> : null}
    >
      {(close) => <ActivityPanel onLeave={close} />}
    </Opener>
  );
}

export function NoticesButton() {
  const me = useMe();
  const may = mayLook(me);
  const notices = useNotices(me, may);
  // While it is open, what was new when it opened stays marked.
  const [since, setSince] = useState(0);
  if (!may) return null;
  const { unread } = notices;
  return (
    <Opener
      name="Notifications"
      said={unread > 0 ? `Notifications: ${count(unread)} new` : 'Notifications'}
      icon={<Bell size={17} />}
      mark={unread > 0 ? <Mark n={unread} state="new" /> : null}
      onOpen={() => setSince(notices.lookedAt)}
      onClose={notices.look}
    >
      {(close) => <NoticesPanel notices={notices} since={since} onLeave={close} />}
    </Opener>
  );
}

function Mark({ n, state }: { n: number; state: 'running' | 'new' }) {
  return (
    <span className={classes.mark} data-state={state} aria-hidden>
      {n > SHOWN_MAX ? `${SHOWN_MAX}+` : n}
    </span>
  );
}

function Opener({
  name,
  said,
  icon,
  mark,
  onOpen,
  onClose,
  children,
}: {
  name: string;
  /** The name with what there is to know without opening. */
  said: string;
  icon: ReactNode;
  mark: ReactNode;
  onOpen?: () => void;
  onClose?: () => void;
  children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const set = (to: boolean) => {
    if (to === open) return;
    (to ? onOpen : onClose)?.();
    setOpen(to);
  };
  const inside = usePopoverFocus(open, () => set(false));
  return (
    <Popover
      opened={open}
      onChange={set}
      position="bottom-end"
      width="min(420px, calc(100vw - 16px))"
      trapFocus
      returnFocus
    >
      <Tooltip label={said} disabled={open}>
        <Popover.Target>
          <ActionIcon aria-label={said} size={30} className={classes.button ?? ''} onClick={() => set(!open)}>
            {icon}
            {mark}
          </ActionIcon>
        </Popover.Target>
      </Tooltip>
      <Popover.Dropdown aria-label={name} p={0}>
        <div ref={inside} className={classes.panel} tabIndex={-1} data-autofocus>
          <h2 className={classes.title}>{name}</h2>
          <Suspense fallback={<Skeleton height={40} m={16} />}>
            {open ? children(() => set(false)) : null}
          </Suspense>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
