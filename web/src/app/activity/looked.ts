// What ended since it was last looked at: kept in this browser, by company and person; the times are the server's.
import { useLocalStorage } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Me } from '@/api/identity';
import { type Import, recentImportsQuery } from '@/api/panels';

export type Ended = Import & { ended_at: string };

export interface Notices {
  /** What ended, the last first. */
  ended: readonly Ended[];
  unread: number;
  /** Up to which moment it was looked at, in ms. */
  lookedAt: number;
  look: () => void;
  /** Why what ended is not known, or not any more. */
  error: unknown;
  pending: boolean;
  retry: () => void;
}

const isEnded = (one: Import): one is Ended => one.ended_at !== null;
const at = (one: Ended) => Date.parse(one.ended_at);

export function useNotices(me: Me, may: boolean): Notices {
  const recent = useQuery({ ...recentImportsQuery, enabled: may });
  const [stored, setStored] = useLocalStorage<number | null>({
    key: `wheelhouse-looked:${me.tenant.id}:${me.user.id}`,
    defaultValue: null,
    getInitialValueInEffect: false,
  });
  const ended = (recent.data?.items ?? []).filter(isEnded).sort((a, b) => at(b) - at(a));
  const newest = ended[0] ? at(ended[0]) : 0;
  const first = stored === null && recent.isSuccess;
  useEffect(() => {
    // The first time here: what was before is no news.
    if (first) setStored(newest);
  }, [first, newest, setStored]);
  const lookedAt = stored ?? newest;
  return {
    ended,
    unread: ended.filter((one) => at(one) > lookedAt).length,
    lookedAt,
    // What could not be asked for was not looked at.
    look: () => recent.isSuccess && setStored(Math.max(newest, lookedAt)),
    error: recent.error,
    pending: recent.isPending,
    retry: () => void recent.refetch(),
  };
}
