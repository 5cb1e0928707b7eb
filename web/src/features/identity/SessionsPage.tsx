// Where one is signed in: list, end one, end all others.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { LogOut, MonitorSmartphone } from 'lucide-react';
import { useState } from 'react';
import { api } from '@/api/client';
import { type Session, sessionsQuery } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { browserName, plural } from '@/lib/format';
import { Confirm } from '@/ui/Confirm';
import { ActButton } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Tag } from '@/ui/Note';
import { Page } from '@/ui/Page';
import { showProblem } from '@/ui/toast';
import { When } from '@/ui/When';

export function SessionsPage() {
  const cache = useQueryClient();
  const sessions = useQuery(sessionsQuery);
  const [asking, setAsking] = useState(false);
  const refresh = () => cache.invalidateQueries({ queryKey: sessionsQuery.queryKey });
  const revoke = useMutation({
    mutationFn: (id: string) => api.delete('/v1/identity/sessions/{id}', { path: { id } }),
    onSettled: refresh,
    onError: (error) => asProblem(error).status !== 404 && showProblem(error),
  });
  const items = sessions.data?.items ?? [];
  const others = items.filter((one) => !one.current).length;

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
    { name: 'ends', head: 'Ends', wide: true, cell: (one) => <When at={one.expires_at} /> },
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <ActButton
          variant="subtle"
          color="gray"
          refused={
            one.current ? 'This is the session you are using. Sign out in the menu above instead.' : null
          }
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
      about="Where you are signed in. End what you do not recognise, then change your password."
      actions={
        <ActButton
          leftSection={<LogOut size={14} />}
          refused={others === 0 ? 'There is no other session.' : null}
          onClick={() => setAsking(true)}
        >
          End all others
        </ActButton>
      }
    >
      <List
        label="Sessions"
        columns={columns}
        keyOf={(one) => one.id}
        query={{
          ...sessions,
          data: sessions.data ? { pages: [sessions.data] } : undefined,
          hasNextPage: false,
          isFetchingNextPage: false,
          fetchNextPage: () => undefined,
        }}
        empty={<Empty icon={<MonitorSmartphone size={28} />} title="No sessions" />}
      />
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
