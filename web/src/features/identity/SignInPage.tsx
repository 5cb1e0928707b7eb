// Sign-in by e-mail and password. The answer is the same for unknown people and wrong passwords.
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useSearch } from '@tanstack/react-router';
import { api } from '@/api/client';
import type { Ended } from '@/lib/use';
import { AuthCard } from '@/ui/AuthCard';
import { useSend } from '@/ui/form';
import { Note } from '@/ui/Note';
import { ProblemNote } from '@/ui/ProblemNote';
import { rules, useEnter } from './entry';

const WHY: Record<Ended, string> = {
  idle: 'You were signed out because this browser was not used for a while. What you looked at opens again.',
  over: 'Your session has reached its end. Sign in again; what you looked at opens again.',
  ended:
    'Your session was ended elsewhere: by signing out in another tab, in the list of sessions, by a change of password, or because you were removed from the company.',
};

export function SignInPage() {
  const enter = useEnter();
  const { next, why } = useSearch({ strict: false }) as { next?: string; why?: string };
  const form = useForm({
    initialValues: { email: '', password: '' },
    validate: { email: rules.email, password: rules.filled('The password') },
  });
  const { error, busy, submit, keys } = useSend(form, async (body) => {
    await enter(await api.post('/v1/identity/sessions', { body, harmless: true }), next);
  });
  return (
    <AuthCard title="Sign in">
      <form onSubmit={submit} noValidate {...keys}>
        <Stack gap="sm">
          {why && why in WHY && !error ? <Note state="info">{WHY[why as Ended]}</Note> : null}
          <TextInput
            size="sm"
            type="email"
            label="E-mail"
            autoComplete="username"
            autoFocus
            {...form.getInputProps('email')}
          />
          <PasswordInput
            size="sm"
            label="Password"
            autoComplete="current-password"
            {...form.getInputProps('password')}
          />
          {error ? <ProblemNote error={error} /> : null}
          <Button type="submit" size="sm" variant="filled" loading={busy} fullWidth mt={4}>
            Sign in
          </Button>
        </Stack>
      </form>
    </AuthCard>
  );
}
