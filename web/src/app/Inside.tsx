// Everything inside: the shell, or, when another tab took the session elsewhere, the word about it instead of mixed data.
import { Button, Group } from '@mantine/core';
import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { type Me, meQuery } from '@/api/identity';
import { type Home, settle, useMovedFrom } from '@/lib/home';
import { AuthCard } from '@/ui/AuthCard';
import { ProblemNote } from '@/ui/ProblemNote';
import { IdleWatch } from './IdleWatch';
import { Shell } from './Shell';
import { useSwitch } from './session';

export function Inside() {
  const me = useSuspenseQuery({ ...meQuery, refetchOnWindowFocus: 'always' }).data;
  const from = useMovedFrom(me);
  if (from) return <Moved from={from} me={me} />;
  return (
    <>
      <Shell />
      <IdleWatch key={me.session_id} />
    </>
  );
}

function Moved({ from, me }: { from: Home; me: Me }) {
  const cache = useQueryClient();
  const router = useRouter();
  const navigate = useNavigate();
  const change = useSwitch();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    // What was loaded belongs to the company before.
    cache.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me' });
  }, [cache]);
  const same = from.user.id === me.user.id;
  const back = same && me.tenants.some(({ id }) => id === from.tenant.id);
  const stay = async () => {
    await navigate({ to: '/panels', search: {} as never });
    settle(me);
    await router.invalidate();
  };
  const goBack = async () => {
    setBusy(true);
    setError(null);
    try {
      await change(from.tenant.id);
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <AuthCard
      title={`This tab was in ${from.tenant.name}`}
      about={
        same ? (
          <>
            In another tab you went to <b>{me.tenant.name}</b>. All tabs of a browser act in one company.
          </>
        ) : (
          <>
            In another tab <b>{me.user.name}</b> signed in, in {me.tenant.name}. All tabs of a browser share
            one sign-in.
          </>
        )
      }
    >
      {error ? <ProblemNote error={error} /> : null}
      <Group gap="xs" mt="md">
        {back ? (
          <Button variant="filled" loading={busy} onClick={() => void goBack()} autoFocus>
            Switch back to {from.tenant.name}
          </Button>
        ) : null}
        <Button onClick={() => void stay()} {...(back ? {} : { variant: 'filled', autoFocus: true })}>
          Go on in {me.tenant.name}
        </Button>
      </Group>
    </AuthCard>
  );
}
