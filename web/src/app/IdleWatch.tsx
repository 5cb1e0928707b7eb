// A hand at the page counts as use; without one, the end of the session is told before it comes.
import { Button, Group, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { limitsQuery, meQuery } from '@/api/identity';
import { duration } from '@/lib/format';
import { idleEnd, lastUse, setLimits } from '@/lib/use';
import { Dialog } from '@/ui/Dialog';

const LOOK_EVERY_MS = 1_000;
const WARN_BEFORE_MS = 120_000;
const TELL_EVERY_MAX_MS = 5 * 60_000;
/** After the end, before the server is asked whether it is one: asking earlier would be a use. */
const ASK_AFTER_MS = 65_000;
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel'] as const;

export function IdleWatch() {
  const cache = useQueryClient();
  const idle = useIdleLimit();
  const [left, setLeft] = useState<number | null>(null);
  const asking = useRef(false);
  const warned = left !== null;
  const use = useRef(() => undefined as unknown);

  useEffect(() => {
    if (idle === null) return;
    const warnBefore = Math.min(WARN_BEFORE_MS, idle / 4);
    const look = () => {
      const end = idleEnd();
      if (end === null) return;
      const now = Date.now();
      setLeft(now >= end - warnBefore ? Math.max(0, Math.ceil((end - now) / 1000)) : null);
      // One question at a time: a second would take the place of the first before it is answered.
      if (now > end + Math.min(ASK_AFTER_MS, idle)) use.current();
    };
    const timer = window.setInterval(look, LOOK_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [idle]);

  useEffect(() => {
    use.current = async () => {
      if (asking.current) return;
      asking.current = true;
      await cache.invalidateQueries({ queryKey: meQuery.queryKey });
      asking.current = false;
    };
  }, [cache]);

  useEffect(() => {
    // Under the warning only its button counts: a brush of the sleeve is no answer.
    if (idle === null || warned) return;
    const every = Math.min(TELL_EVERY_MAX_MS, idle / 4);
    const sign = () => {
      if (document.visibilityState === 'visible' && Date.now() - lastUse() > every) use.current();
    };
    for (const name of SIGNS) window.addEventListener(name, sign, { passive: true });
    return () => {
      for (const name of SIGNS) window.removeEventListener(name, sign);
    };
  }, [idle, warned]);

  if (left === null || idle === null) return null;
  return (
    <Dialog onClose={() => use.current()} title="Are you still there?" size={420}>
      <Text>
        Nothing was done here for a while.{' '}
        {left > 0 ? `You are signed out in ${duration(left)}.` : 'You are being signed out.'} Sessions end
        after {duration(idle / 1000)} without use; what is on screen opens again after signing in.
      </Text>
      <Group justify="flex-end" mt="md">
        <Button variant="filled" onClick={() => use.current()} data-autofocus>
          Stay signed in
        </Button>
      </Group>
    </Dialog>
  );
}

/** How long the session may rest, in ms; from the list of one's own. */
function useIdleLimit(): number | null {
  const mine = useQuery(limitsQuery).data;
  const idle = mine ? Date.parse(mine.idle_ends_at) - Date.parse(mine.used_at) : null;
  const ends = mine ? Date.parse(mine.expires_at) : null;
  useEffect(() => {
    if (idle !== null && ends !== null) setLimits(idle, ends);
  }, [idle, ends]);
  return idle;
}
