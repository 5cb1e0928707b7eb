// Invites someone: address and role, then the link, shown once.
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { invitationsQuery, ROLES, type Role, useMe } from '@/api/identity';
import { moment } from '@/lib/format';
import { CopyButton } from '@/ui/CopyButton';
import { Dialog } from '@/ui/Dialog';
import { DialogFoot } from '@/ui/DialogFoot';
import { useSend } from '@/ui/form';
import { Note } from '@/ui/Note';
import { rules } from './entry';

interface Made {
  email: string;
  link: string;
  expires: string;
}

export function InviteDialog({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<Made | null>(null);
  return (
    <Dialog
      onClose={onClose}
      title={made ? 'Send this link' : 'Invite someone'}
      size={480}
      // What is shown once is not lost by a click beside it.
      closeOnClickOutside={made === null}
      closeOnEscape={made === null}
    >
      {made ? <LinkOnce made={made} onClose={onClose} /> : <InviteForm onMade={setMade} onClose={onClose} />}
    </Dialog>
  );
}

function InviteForm({ onMade, onClose }: { onMade: (made: Made) => void; onClose: () => void }) {
  const me = useMe();
  const cache = useQueryClient();
  const form = useForm<{ email: string; role: Role }>({
    initialValues: { email: '', role: 'viewer' },
    validate: { email: rules.email },
  });
  const { error, busy, submit, keys } = useSend(form, async (body) => {
    const made = await api.post('/v1/identity/invitations', { body });
    onMade({
      email: made.invitation.email,
      link: `${window.location.origin}/invite#${made.token}`,
      expires: made.invitation.expires_at,
    });
    void cache.invalidateQueries({ queryKey: invitationsQuery.queryKey });
  });
  const roles = ROLES.filter(({ role }) => role !== 'owner' || me.role === 'owner');
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <TextInput
          type="email"
          label="E-mail"
          placeholder="name@example.com"
          data-autofocus
          autoComplete="off"
          {...form.getInputProps('email')}
        />
        <Select
          label="Role"
          data={roles.map(({ role, summary }) => ({
            value: role,
            label: `${role}: ${summary.toLowerCase()}`,
          }))}
          {...form.getInputProps('role')}
        />
        <DialogFoot error={error} busy={busy} once onClose={onClose} action="Make the link" />
      </Stack>
    </form>
  );
}

function LinkOnce({ made, onClose }: { made: Made; onClose: () => void }) {
  return (
    <Stack gap="sm">
      <Note state="info">
        It is shown only now. It works once, for {made.email}, until {moment(made.expires)}.
      </Note>
      <TextInput
        label="Invitation link"
        value={made.link}
        readOnly
        autoFocus
        onFocus={(event) => event.currentTarget.select()}
        rightSection={<CopyButton text={made.link} label="Copy link" />}
        classNames={{ input: 'mono' }}
      />
      <Text c="dimmed" size="xs">
        Wheelhouse sends no mail: give the link to them yourself.
      </Text>
      <Group justify="flex-end">
        <Button variant="filled" onClick={onClose}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
