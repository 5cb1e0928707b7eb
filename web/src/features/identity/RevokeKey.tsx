// Asks before a key is revoked: which keys it made, directly or through others, and whether they end with it.
import { Checkbox, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { useForbidden } from '@/api/identity';
import {
  type ApiKey,
  apiKeysQuery,
  type MadeKey,
  madeKeysQuery,
  type Revocation,
  type ServiceAccount,
  serviceAccountsQuery,
} from '@/api/keys';
import { plural } from '@/lib/format';
import { Confirm } from '@/ui/Confirm';
import { ProblemNote } from '@/ui/ProblemNote';
import { showDone } from '@/ui/toast';
import classes from './RevokeKey.module.css';

/** More than these are counted. */
const SHOWN_MAX = 8;

export function RevokeKey({
  of,
  account,
  onClose,
}: {
  of: ApiKey;
  account?: ServiceAccount;
  onClose: () => void;
}) {
  const cache = useQueryClient();
  // Whoever may not see them has none: the keys that somebody made end when they become less.
  const forbidden = useForbidden('identity:write');
  const made = useInfiniteQuery({ ...madeKeysQuery(of.id), enabled: forbidden === null });
  const [leaked, setLeaked] = useState(false);
  const keys = made.data?.pages.flatMap((page) => page.items) ?? [];
  const revoke = async () => {
    const query = { made_keys: leaked ? 'revoke' : 'keep' } as const;
    const done = account
      ? await api.delete('/v1/identity/service-accounts/{account_id}/api-keys/{id}', {
          path: { account_id: account.id, id: of.id },
          query,
        })
      : await api.delete('/v1/identity/api-keys/{id}', { path: { id: of.id }, query });
    await Promise.all([
      cache.invalidateQueries({ queryKey: apiKeysQuery.queryKey }),
      cache.invalidateQueries({ queryKey: serviceAccountsQuery.queryKey }),
    ]);
    showDone(`${of.name} was revoked`, outcome(done));
  };
  return (
    <Confirm title={`Revoke ${of.name}?`} action="Revoke" onClose={onClose} onConfirm={revoke}>
      <Stack gap="sm">
        <div>
          Programs that use <b className="mono">{of.prefix}</b> are refused at once. It cannot be brought
          back.
        </div>
        {forbidden === null && made.isPending ? <Text c="dimmed">Looking for keys that it made…</Text> : null}
        {made.error ? <ProblemNote error={made.error} onRetry={() => made.refetch()} /> : null}
        {keys.length > 0 ? (
          <>
            <MadeKeys keys={keys} more={made.hasNextPage} />
            <Checkbox
              label="Revoke the keys that it made too"
              description="When it leaked. Leave it off when one of them takes its place."
              checked={leaked}
              onChange={(event) => setLeaked(event.currentTarget.checked)}
            />
          </>
        ) : null}
      </Stack>
    </Confirm>
  );
}

function MadeKeys({ keys, more }: { keys: readonly MadeKey[]; more: boolean }) {
  const left = keys.length - SHOWN_MAX;
  return (
    <div>
      It made {plural(keys.length, 'key')}
      {more ? ' and more' : ''} that still {keys.length === 1 ? 'works' : 'work'}, directly or through others:
      <ul className={classes.made}>
        {keys.slice(0, SHOWN_MAX).map((one) => (
          <li key={one.id}>
            {one.name} of {one.account.name} <span className="mono">{one.prefix}…</span>
          </li>
        ))}
        {left > 0 ? <li>and {plural(left, 'other')}</li> : null}
      </ul>
    </div>
  );
}

function outcome({ made_keys_revoked, made_keys_living }: Revocation): string {
  if (made_keys_revoked > 0) return `${plural(made_keys_revoked, 'key')} that it made ended with it.`;
  if (made_keys_living === 0) return '';
  return `${plural(made_keys_living, 'key')} that it made still ${made_keys_living === 1 ? 'works' : 'work'}.`;
}
