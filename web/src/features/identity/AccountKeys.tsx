// The keys of one service account: two at a time, so that a program can change over.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useState } from 'react';
import { type ApiKey, accountKeysQuery, type ServiceAccount } from '@/api/keys';
import { useNow } from '@/lib/now';
import { Dialog, useFocusBack } from '@/ui/Dialog';
import { ActButton } from '@/ui/Guarded';
import { Empty, List } from '@/ui/List';
import { KeyDialog } from './KeyDialog';
import { keyColumns } from './keyColumns';
import { RevokeKey } from './RevokeKey';

const LIVING_MAX = 2;

export function AccountKeys({ account, onClose }: { account: ServiceAccount; onClose: () => void }) {
  // One dialog takes the place of another here: only this knows where the focus came from.
  useFocusBack();
  const query = accountKeysQuery(account.id);
  const keys = useInfiniteQuery(query);
  const now = useNow();
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const all = keys.data?.pages.flatMap((page) => page.items) ?? [];
  const living = all.filter((one) => Date.parse(one.expires_at) > now).length;
  if (making) return <KeyDialog account={account} onClose={() => setMaking(false)} />;
  if (revoking) return <RevokeKey of={revoking} account={account} onClose={() => setRevoking(null)} />;
  return (
    <Dialog onClose={onClose} title={`Keys of ${account.name}`} size={720}>
      <Stack gap="sm">
        <Text c="dimmed">
          Two may live at a time: make the next, bring it to the program, then revoke the old one.
        </Text>
        <List
          label={`Keys of ${account.name}`}
          columns={keyColumns(setRevoking)}
          query={keys}
          keyOf={(one) => one.id}
          empty={<Empty icon={<KeyRound size={24} />} title="No keys yet" />}
        />
        <Group justify="flex-end" gap="xs">
          <Button onClick={onClose}>Close</Button>
          <ActButton
            variant="filled"
            refused={living >= LIVING_MAX ? 'Two keys live already: revoke the old one first.' : null}
            onClick={() => setMaking(true)}
          >
            New key
          </ActButton>
        </Group>
      </Stack>
    </Dialog>
  );
}
