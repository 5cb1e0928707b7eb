// Sign-in by e-mail and password. The answer is the same for unknown people and wrong passwords.
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useSearch } from '@tanstack/react-router';
import { api } from '@/api/client';
import { AuthCard } from '@/ui/AuthCard';
import { useSend } from '@/ui/form';
import { ProblemNote } from '@/ui/ProblemNote';
import { rules, useEnter } from './entry';

export function SignInPage() {
  const enter = useEnter();
  const { next } = useSearch({ strict: false }) as { next?: string };
  const form = useForm({
    initialValues: { email: '', password: '' },
    validate: { email: rules.email, password: rules.filled('The password') },
  });
  const { error, busy, submit, keys } = useSend(form, async (body) => {
    await enter(await api.post('/v1/identity/sessions', { body }), next);
  });
  return (
    <AuthCard title="Sign in">
      <form onSubmit={submit} noValidate {...keys}>
        <Stack gap="sm">
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
