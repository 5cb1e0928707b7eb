// Makes an API key: name, scopes, end, networks; then its text, shown once.
import { Button, Checkbox, Code, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { roleHolds, useMe } from '@/api/identity';
import { accountKeysQuery, apiKeysQuery, type ServiceAccount, serviceAccountsQuery } from '@/api/keys';
import { moment, plural } from '@/lib/format';
import { CopyButton } from '@/ui/CopyButton';
import { Dialog } from '@/ui/Dialog';
import { DialogFoot } from '@/ui/DialogFoot';
import { useSend } from '@/ui/form';
import { Note } from '@/ui/Note';
import { rules } from './entry';

interface Made {
  name: string;
  secret: string;
  expires: string;
}

const DAYS = [7, 30, 90, 180, 365];
/** Nothing is said, and the server takes what it takes then. */
const USUAL = 'usual';

/** The usual life of a key, and others as long as they may be here. */
function lives({ days_default, days_max }: { days_default: number; days_max: number }) {
  const others = [...new Set([...DAYS.filter((days) => days < days_max), days_max])];
  return [
    { value: USUAL, label: `${plural(days_default, 'day')}, as usual` },
    ...others
      .filter((days) => days !== days_default)
      .map((days) => ({ value: String(days), label: plural(days, 'day') })),
  ];
}

export function KeyDialog({ account, onClose }: { account?: ServiceAccount; onClose: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  const title = account ? `New key of ${account.name}` : 'New API key';
  return (
    <Dialog
      onClose={onClose}
      title={made ? 'Copy this key' : title}
      size={520}
      // What is shown once is not lost by a click beside it.
      closeOnClickOutside={made === null}
      closeOnEscape={made === null}
    >
      {made ? (
        <KeyOnce made={made} onClose={onClose} />
      ) : (
        <KeyForm {...(account ? { account } : {})} onMade={setMade} onClose={onClose} />
      )}
    </Dialog>
  );
}

interface Wish {
  name: string;
  scopes: string[];
  valid_days: string;
  networks: string;
}

function KeyForm({
  account,
  onMade,
  onClose,
}: {
  account?: ServiceAccount;
  onMade: (made: Made) => void;
  onClose: () => void;
}) {
  const me = useMe();
  const cache = useQueryClient();
  const form = useForm<Wish>({
    initialValues: { name: '', scopes: [], valid_days: USUAL, networks: '' },
    validate: {
      name: rules.filled('The name'),
      scopes: (value) => (value.length > 0 ? null : 'Choose at least one'),
    },
  });
  const { error, busy, submit, keys } = useSend(form, async (wish) => {
    const body = {
      name: wish.name,
      scopes: wish.scopes,
      ...(wish.valid_days === USUAL ? {} : { valid_days: Number(wish.valid_days) }),
      networks: wish.networks.split(/[\s,]+/).filter((network) => network !== ''),
    };
    const made = account
      ? await api.post('/v1/identity/service-accounts/{account_id}/api-keys', {
          path: { account_id: account.id },
          body,
        })
      : await api.post('/v1/identity/api-keys', { body });
    onMade({ name: made.api_key.name, secret: made.secret, expires: made.api_key.expires_at });
    void cache.invalidateQueries({
      queryKey: account ? accountKeysQuery(account.id).queryKey : apiKeysQuery.queryKey,
    });
    if (account) void cache.invalidateQueries({ queryKey: serviceAccountsQuery.queryKey });
  });
  const scopes = me.permissions.filter((permission) => !account || roleHolds(account.role, permission));
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="Which program uses it"
          data-autofocus
          autoComplete="off"
          {...form.getInputProps('name')}
        />
        <Checkbox.Group
          label="Scopes"
          description={
            account
              ? `What it may be used for: of what you may do, what the role ${account.role} holds`
              : "What it may be used for, as far as its owner's role allows"
          }
          {...form.getInputProps('scopes')}
        >
          <Stack gap={6} mt={6}>
            {scopes.map((permission) => (
              <Checkbox key={permission} value={permission} label={permission} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Select
          label="Expires after"
          allowDeselect={false}
          data={lives(me.api_keys)}
          {...form.getInputProps('valid_days')}
        />
        <Textarea
          label="Networks"
          description="Addresses or networks it may be used from, one a line; empty: from everywhere"
          placeholder="10.0.0.0/8"
          autosize
          minRows={2}
          classNames={{ input: 'mono' }}
          {...form.getInputProps('networks')}
        />
        <DialogFoot error={error} busy={busy} once onClose={onClose} action="Make the key" />
      </Stack>
    </form>
  );
}

function KeyOnce({ made, onClose }: { made: Made; onClose: () => void }) {
  return (
    <Stack gap="sm">
      <Note state="info">
        It is shown only now: put {made.name} where its program reads it. It works until{' '}
        {moment(made.expires)}.
      </Note>
      <TextInput
        label="API key"
        value={made.secret}
        readOnly
        autoFocus
        onFocus={(event) => event.currentTarget.select()}
        rightSection={<CopyButton text={made.secret} label="Copy key" />}
        classNames={{ input: 'mono' }}
      />
      <Text size="xs" c="dimmed">
        Send it as <Code>Authorization: Bearer …</Code>
      </Text>
      <Group justify="flex-end">
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
