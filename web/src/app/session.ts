// Changing who one is: another company, or nobody. Nothing of the one before stays in the cache.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api } from '@/api/client';
import { type Me, meQuery } from '@/api/identity';
import { live } from '@/lib/live';

export function useBecome(): (me: Me) => Promise<void> {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return async (me) => {
    await navigate({ to: '/panels' });
    live.restart();
    cache.setQueryData(meQuery.queryKey, me);
    cache.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me', type: 'inactive' });
    await cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] !== 'me' });
  };
}

export function useSignOut(): () => Promise<void> {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    live.stop();
    await api.delete('/v1/identity/session', {});
    await navigate({ to: '/sign-in' });
    cache.clear();
  };
}
