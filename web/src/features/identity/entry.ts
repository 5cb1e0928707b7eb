// What happens when someone comes in: the cache knows who it is, nothing of the one before stays, the page opens.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type Me, meQuery } from '@/api/identity';
import { settle } from '@/lib/home';
import { live } from '@/lib/live';
import { forgetUse } from '@/lib/use';
import { forgetProblems } from '@/ui/toast';

/** Only addresses of our own pages are followed after sign-in. */
function safeNext(next: string | undefined): string {
  return next?.startsWith('/') && !next.startsWith('//') && !next.startsWith('/\\') ? next : '/panels';
}

export function useEnter(): (me: Me, next?: string) => Promise<void> {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return async (me, next) => {
    live.stop();
    cache.clear();
    forgetUse();
    forgetProblems();
    settle(me);
    cache.setQueryData(meQuery.queryKey, me);
    await navigate({ href: safeNext(next), replace: true });
  };
}

export const PASSWORD_LENGTH_MIN = 12;
export const PASSWORD_HELP = `${PASSWORD_LENGTH_MIN} characters or more; a few unrelated words are best.`;

export const rules = {
  filled: (what: string) => (value: string) => (value.trim() ? null : `${what} is missing`),
  email: (value: string) => (/^\S+@\S+\.\S+$/.test(value.trim()) ? null : 'That is not an e-mail address'),
  newPassword: (value: string) =>
    [...value].length >= PASSWORD_LENGTH_MIN ? null : `At least ${PASSWORD_LENGTH_MIN} characters`,
};
