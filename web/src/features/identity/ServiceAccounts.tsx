// Members that are no people: made, switched off and on, deleted; their keys, two at a time.
import { Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Bot, KeyRound, Plus, Power, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { api } from '@/api/client';
import { ROLES, type Role, useForbidden, useMe } from '@/api/identity';
import { type ServiceAccount, serviceAccountsQuery } from '@/api/keys';
import { plural } from '@/lib/format';
import { acts } from '@/ui/acts';
import { Confirm } from '@/ui/Confirm';
import { Dialog } from '@/ui/Dialog';
import { DialogFoot } from '@/ui/DialogFoot';
import { useSend } from '@/ui/form';
import { ActButton, ActItem } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Tag } from '@/ui/Note';
import { Section } from '@/ui/Page';
import { attempt, showDone } from '@/ui/toast';
import { When } from '@/ui/When';
import { AccountKeys } from './AccountKeys';
import { rules } from './entry';

export function ServiceAccounts() {
  const forbidden = useForbidden('identity:write');
  const cache = useQueryClient();
  const accounts = useInfiniteQuery({ ...serviceAccountsQuery, enabled: forbidden === null });
  const [making, setMaking] = useState(false);
  const [showing, setShowing] = useState<ServiceAccount | null>(null);
  const [deleting, setDeleting] = useState<ServiceAccount | null>(null);
  if (forbidden) return null;
  const refresh = () => cache.invalidateQueries({ queryKey: serviceAccountsQuery.queryKey });
  const turn = async (one: ServiceAccount) => {
    await attempt(`turn ${one.id}`, async () => {
      await api.patch('/v1/identity/service-accounts/{account_id}', {
        path: { account_id: one.id },
        body: { enabled: !one.enabled },
      });
      showDone(`${one.name} is ${one.enabled ? 'disabled' : 'enabled'}`);
    });
    await refresh();
  };
  const columns: ListColumn<ServiceAccount>[] = [
    {
      name: 'account',
      head: 'Account',
      grow: true,
      cell: (one) => (
        <TwoLines
          first={
            <>
              {one.name} {one.enabled ? null : <Tag state="warn">Disabled</Tag>}
            </>
          }
          second={one.role}
        />
      ),
    },
    { name: 'keys', head: 'Keys', cell: (one) => plural(one.keys, 'key') },
    {
      name: 'used',
      head: 'Last used',
      wide: true,
      cell: (one) => (one.used_at ? <When at={one.used_at} /> : <Text c="dimmed">never</Text>),
    },
    acts(
      (one) => one.name,
      (one) => (
        <>
          <ActItem leftSection={<KeyRound size={14} />} onClick={() => setShowing(one)}>
            Keys…
          </ActItem>
          <ActItem leftSection={<Power size={14} />} onClick={() => void turn(one)}>
            {one.enabled ? 'Disable' : 'Enable'}
          </ActItem>
          <ActItem danger leftSection={<Trash2 size={14} />} onClick={() => setDeleting(one)}>
            Delete…
          </ActItem>
        </>
      ),
    ),
  ];
  return (
    <Section
      title="Service accounts"
      about="Members that are no people: they act by keys only. An account stays when the person who made it goes; the keys that this person made for it end."
      actions={
        <ActButton leftSection={<Plus size={14} />} onClick={() => setMaking(true)}>
          New service account
        </ActButton>
      }
    >
      <List
        label="Service accounts"
        columns={columns}
        query={accounts}
        keyOf={(one) => one.id}
        empty={<Empty icon={<Bot size={24} />} title="No service accounts" />}
      />
      {making ? <AccountDialog onClose={() => setMaking(false)} onMade={refresh} /> : null}
      {showing ? <AccountKeys account={showing} onClose={() => setShowing(null)} /> : null}
      {deleting ? (
        <Confirm
          title={`Delete ${deleting.name}?`}
          action="Delete"
          typed={deleting.name}
          onClose={() => setDeleting(null)}
          onConfirm={async () => {
            await api.delete('/v1/identity/service-accounts/{account_id}', {
              path: { account_id: deleting.id },
            });
            await refresh();
            showDone(`${deleting.name} was deleted`);
          }}
        >
          Programs that use its {plural(deleting.keys, 'key')} are refused at once, and so are those that use
          keys which its keys made. What else it made stays.
        </Confirm>
      ) : null}
    </Section>
  );
}

interface Making {
  onClose: () => void;
  onMade: () => Promise<unknown>;
}

function AccountDialog(props: Making) {
  return (
    <Dialog onClose={props.onClose} title="New service account" size={480}>
      <AccountForm {...props} />
    </Dialog>
  );
}

function AccountForm({ onClose, onMade }: Making) {
  const me = useMe();
  const form = useForm<{ name: string; role: Role }>({
    initialValues: { name: '', role: 'viewer' },
    validate: { name: rules.filled('The name') },
  });
  const { error, busy, submit, keys } = useSend(form, async (body) => {
    await api.post('/v1/identity/service-accounts', { body });
    await onMade();
    showDone(`${body.name} was made; it needs a key to act`);
    onClose();
  });
  const roles = ROLES.filter(({ role }) => role !== 'owner' || me.role === 'owner');
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <TextInput label="Name" data-autofocus autoComplete="off" {...form.getInputProps('name')} />
        <Select
          label="Role"
          allowDeselect={false}
          data={roles.map(({ role, summary }) => ({
            value: role,
            label: `${role}: ${summary.toLowerCase()}`,
          }))}
          {...form.getInputProps('role')}
        />
        <DialogFoot error={error} busy={busy} onClose={onClose} action="Make the account" />
      </Stack>
    </form>
  );
}
