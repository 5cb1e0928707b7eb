// Where one is signed in: list, end one, end all others.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { LogOut, MonitorSmartphone } from 'lucide-react';
import { useState } from 'react';
import { api } from '@/api/client';
import { type Session, sessionsQuery } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { browserName, duration, plural } from '@/lib/format';
import { Confirm } from '@/ui/Confirm';
import { CopyAs } from '@/ui/CopyAs';
import { Facts } from '@/ui/Facts';
import { ActButton } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Tag } from '@/ui/Note';
import { OpenedDrawer, useOpened } from '@/ui/opened';
import { Page } from '@/ui/Page';
import { forgetProblem, showProblem } from '@/ui/toast';
import { When } from '@/ui/When';

const CURRENT = 'This is the session you are using. Sign out in the menu above instead.';

export function SessionsPage() {
  const cache = useQueryClient();
  const sessions = useQuery(sessionsQuery);
  const [asking, setAsking] = useState(false);
  const refresh = () => cache.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const revoke = useMutation({
    mutationFn: (id: string) => api.delete('/v1/identity/sessions/{id}', { path: { id } }),
    onMutate: (id) => forgetProblem(`end session ${id}`),
    onSettled: refresh,
    onError: (error, id) => asProblem(error).status !== 404 && showProblem(`end session ${id}`, error),
  });
  const items = sessions.data?.items ?? [];
  const others = items.filter((one) => !one.current).length;

  const listed = {
    ...sessions,
    data: sessions.data ? { pages: [sessions.data] } : undefined,
    hasNextPage: false,
    isFetchingNextPage: false,
    fetchNextPage: () => undefined,
  };
  const opened = useOpened('session', listed, (one: Session) => one.id);

  const columns: ListColumn<Session>[] = [
    {
      name: 'client',
      head: 'Browser',
      grow: true,
      cell: (one) => (
        <TwoLines
          first={
            <>
              {browserName(one.user_agent)} {one.current ? <Tag state="ok">This one</Tag> : null}
            </>
          }
          second={one.address ?? 'unknown address'}
        />
      ),
    },
    { name: 'seen', head: 'Last used', cell: (one) => <When at={one.used_at} /> },
    { name: 'began', head: 'Signed in', wide: true, cell: (one) => <When at={one.created_at} /> },
    { name: 'ends', head: 'Ends if unused', wide: true, cell: (one) => <When at={endOf(one)} /> },
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <ActButton
          variant="subtle"
          color="gray"
          refused={one.current ? CURRENT : null}
          loading={revoke.isPending && revoke.variables === one.id}
          onClick={() => revoke.mutate(one.id)}
        >
          End
        </ActButton>
      ),
    },
  ];

  return (
    <Page
      title="Sessions"
      about={`Where you are signed in. End what you do not recognise, then change your password.${limits(items[0])}`}
      actions={
        <>
          <CopyAs what={{ api: '/v1/identity/sessions', cli: 'wheelhouse session list' }} />
          <ActButton
            leftSection={<LogOut size={14} />}
            refused={others === 0 ? 'There is no other session.' : null}
            onClick={() => setAsking(true)}
          >
            End all others
          </ActButton>
        </>
      }
    >
      <List
        label="Sessions"
        columns={columns}
        keyOf={(one) => one.id}
        query={listed}
        onOpen={opened.open}
        opened={opened.key}
        empty={<Empty icon={<MonitorSmartphone size={28} />} title="No sessions" />}
      />
      <OpenedDrawer
        opened={opened}
        noun="session"
        title={(one) => browserName(one.user_agent)}
        about={(one) => one.address ?? 'unknown address'}
        actions={(one) => (
          <>
            <CopyAs what={{ link: `/settings/sessions?session=${one.id}`, json: () => one }} small />
            <ActButton
              leftSection={<LogOut size={14} />}
              refused={one.current ? CURRENT : null}
              loading={revoke.isPending && revoke.variables === one.id}
              onClick={() => revoke.mutate(one.id)}
            >
              End this session
            </ActButton>
          </>
        )}
      >
        {(one) => <SessionFacts session={one} />}
      </OpenedDrawer>
      {asking ? (
        <Confirm
          title="End all other sessions?"
          action={`End ${plural(others, 'session')}`}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await api.post('/v1/identity/sessions/revoke-others', {});
            await refresh();
          }}
        >
          {plural(others, 'other browser')} will be signed out at once. This one stays.
        </Confirm>
      ) : null}
    </Page>
  );
}

const endOf = (one: Session): string => [one.idle_ends_at, one.expires_at].sort()[0] ?? one.expires_at;

/** After how long a session ends, in words. */
function limits(one: Session | undefined): string {
  if (!one) return '';
  const between = (from: string, to: string) => duration((Date.parse(to) - Date.parse(from)) / 1000);
  return ` A session ends after ${between(one.used_at, one.idle_ends_at)} without use, and ${between(one.created_at, one.expires_at)} after signing in at the latest.`;
}

function SessionFacts({ session }: { session: Session }) {
  const { address, user_agent: agent } = session;
  return (
    <Facts
      facts={[
        { name: 'State', value: session.current ? <Tag state="ok">This one</Tag> : 'open' },
        { name: 'Address', value: address ?? 'unknown', ...(address ? { text: address } : {}), mono: true },
        { name: 'Client', value: agent ?? 'unknown', ...(agent ? { text: agent } : {}) },
        { name: 'Last used', value: <When at={session.used_at} />, text: session.used_at },
        { name: 'Signed in', value: <When at={session.created_at} />, text: session.created_at },
        { name: 'Ends if unused', value: <When at={endOf(session)} />, text: endOf(session) },
        { name: 'Ends at the latest', value: <When at={session.expires_at} />, text: session.expires_at },
        { name: 'Id', value: session.id, text: session.id, mono: true },
      ]}
    />
  );
}
