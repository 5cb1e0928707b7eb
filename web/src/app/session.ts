// Changing who one is: another company, or nobody. Nothing of the one before stays in the cache.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { api } from '@/api/client';
import { type Me, meQuery } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { leaveHome, settle } from '@/lib/home';
import { live } from '@/lib/live';
import { forgetProblems } from '@/ui/toast';

export function useBecome(): (me: Me) => Promise<void> {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return async (me) => {
    await navigate({ to: '/panels' });
    forgetProblems();
    live.restart();
    settle(me);
    cache.setQueryData(meQuery.queryKey, me);
    cache.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me', type: 'inactive' });
    await cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me' });
  };
}

/** Acts in another of one's companies from now on, at the same address. */
export function useSwitch(): (tenantId: string) => Promise<void> {
  const cache = useQueryClient();
  const router = useRouter();
  return async (tenant_id) => {
    const me = await api.put('/v1/identity/session/tenant', { body: { tenant_id } });
    forgetProblems();
    cache.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me', type: 'inactive' });
    settle(me);
    cache.setQueryData(meQuery.queryKey, me);
    await router.invalidate();
    await cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me' });
  };
}

export function useSignOut(): () => Promise<void> {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    // The socket would hear the end and call it somebody else's.
    live.stop();
    try {
      await api.delete('/v1/identity/session', {});
    } catch (error) {
      if (!asProblem(error).signedOut) {
        live.start();
        throw error;
      }
    }
    await navigate({ to: '/sign-in' });
    forgetProblems();
    leaveHome();
    cache.clear();
  };
}
