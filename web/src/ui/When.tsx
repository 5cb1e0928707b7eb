// A moment in relative words, the exact time on hover and focus.
import { Tooltip } from '@mantine/core';
import { ago, moment } from '@/lib/format';
import { useNow } from '@/lib/now';

export function When({ at }: { at: string }) {
  const now = useNow();
  return (
    <Tooltip label={moment(at)}>
      <time dateTime={at} className="tabular">
        {ago(at, now)}
      </time>
    </Tooltip>
  );
}
