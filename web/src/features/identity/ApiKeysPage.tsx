// Keys for programs: one's own, and below them the service accounts for whoever answers for members.
import { useInfiniteQuery } from '@tanstack/react-query';
import { KeyRound, Plus } from 'lucide-react';
import { useState } from 'react';
import { useMe } from '@/api/identity';
import { type ApiKey, apiKeysQuery } from '@/api/keys';
import { ActButton } from '@/ui/Guarded';
import { Empty, List } from '@/ui/List';
import { Page } from '@/ui/Page';
import { KeyDialog } from './KeyDialog';
import { keyColumns } from './keyColumns';
import { RevokeKey } from './RevokeKey';
import { ServiceAccounts } from './ServiceAccounts';

export function ApiKeysPage() {
  const me = useMe();
  const keys = useInfiniteQuery(apiKeysQuery);
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  return (
    <Page
      title="API keys"
      about={`For programs that act as you in ${me.tenant.name}. A key can do what its scopes and your role allow, and ends by itself.`}
      actions={
        <ActButton variant="filled" leftSection={<Plus size={14} />} onClick={() => setMaking(true)}>
          New key
        </ActButton>
      }
    >
      <List
        label="Your API keys"
        columns={keyColumns(setRevoking)}
        query={keys}
        keyOf={(one) => one.id}
        empty={
          <Empty
            icon={<KeyRound size={28} />}
            title="No keys yet"
            action={<ActButton onClick={() => setMaking(true)}>Make a key</ActButton>}
          />
        }
      />
      <ServiceAccounts />
      {making ? <KeyDialog onClose={() => setMaking(false)} /> : null}
      {revoking ? <RevokeKey of={revoking} onClose={() => setRevoking(null)} /> : null}
    </Page>
  );
}
