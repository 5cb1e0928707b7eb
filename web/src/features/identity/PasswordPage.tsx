// One's own password: the current one, then the new one.
import { Button, Group, PasswordInput, Stack } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { api } from '@/api/client';
import { sessionsQuery, useMe } from '@/api/identity';
import { useSend } from '@/ui/form';
import { Page } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';
import { showDone } from '@/ui/toast';
import { PASSWORD_HELP, rules } from './entry';

export function PasswordPage() {
  const me = useMe();
  const cache = useQueryClient();
  const form = useForm({
    initialValues: { current: '', new: '', again: '' },
    validate: {
      current: rules.filled('The current password'),
      new: rules.newPassword,
      again: (value, values) => (value === values.new ? null : 'Not the same as the new password'),
    },
  });
  const { error, busy, submit, keys } = useSend(form, async (values) => {
    await api.put('/v1/identity/password', { body: { current: values.current, new: values.new } });
    form.reset();
    void cache.invalidateQueries({ queryKey: sessionsQuery.queryKey });
    showDone('Password changed', 'Use the new one the next time you sign in.');
  });
  return (
    <Page
      title="Password"
      about={`The password of ${me.user.email}, in every company you belong to.`}
      width="form"
    >
      <form onSubmit={submit} noValidate {...keys}>
        <Stack gap="sm">
          <input type="hidden" autoComplete="username" value={me.user.email ?? ''} readOnly />
          <PasswordInput
            label="Current password"
            autoComplete="current-password"
            {...form.getInputProps('current')}
          />
          <PasswordInput
            label="New password"
            description={PASSWORD_HELP}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            autoComplete="new-password"
            {...form.getInputProps('new')}
          />
          <PasswordInput
            label="New password again"
            autoComplete="new-password"
            {...form.getInputProps('again')}
          />
          {error ? <ProblemNote error={error} /> : null}
          <Group>
            <Button type="submit" variant="filled" loading={busy}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Page>
  );
}
