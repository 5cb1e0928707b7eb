// First start: whoever holds the one-time link names the company and becomes its owner.
import { Anchor, Button, Code, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useSuspenseQuery } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { api } from '@/api/client';
import { setupQuery } from '@/api/identity';
import { AuthCard } from '@/ui/AuthCard';
import { useSend } from '@/ui/form';
import { ProblemNote } from '@/ui/ProblemNote';
import { PASSWORD_HELP, rules, useEnter } from './entry';

export function SetupPage() {
  const { needed } = useSuspenseQuery(setupQuery).data;
  const token = useRouterState({ select: ({ location }) => location.hash });
  if (!needed) return <Done />;
  if (!token) return <NoToken />;
  return <SetupForm token={token} />;
}

function SetupForm({ token }: { token: string }) {
  const enter = useEnter();
  const form = useForm({
    initialValues: { company: '', name: '', email: '', password: '' },
    validate: {
      company: rules.filled('The name of the company'),
      name: rules.filled('Your name'),
      email: rules.email,
      password: rules.newPassword,
    },
  });
  const { error, busy, submit, keys } = useSend(form, async (values) => {
    await enter(await api.post('/v1/identity/setup', { body: { token, ...values } }));
  });
  return (
    <AuthCard title="Set up your company" about="You become its owner. Others are invited afterwards.">
      <form onSubmit={submit} noValidate {...keys}>
        <Stack gap="sm">
          <TextInput
            size="sm"
            label="Company"
            placeholder="Acme"
            autoComplete="organization"
            data-autofocus
            autoFocus
            {...form.getInputProps('company')}
          />
          <TextInput size="sm" label="Your name" autoComplete="name" {...form.getInputProps('name')} />
          <TextInput
            size="sm"
            type="email"
            label="E-mail"
            autoComplete="username"
            {...form.getInputProps('email')}
          />
          <PasswordInput
            size="sm"
            label="Password"
            description={PASSWORD_HELP}
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            autoComplete="new-password"
            {...form.getInputProps('password')}
          />
          {error ? <ProblemNote error={error} /> : null}
          <Button type="submit" size="sm" variant="filled" loading={busy} fullWidth mt={4}>
            Create company
          </Button>
        </Stack>
      </form>
    </AuthCard>
  );
}

function NoToken() {
  return (
    <AuthCard title="Not set up yet" about="This Wheelhouse has no company yet.">
      <Text mt="md">
        Open the link that the server printed when it started. It holds a one-time token and is good for one
        hour.
      </Text>
      <Text mt="sm">For a new one, run this where the server runs:</Text>
      <Code block mt="xs">
        wheelhouse setup-link
      </Code>
    </AuthCard>
  );
}

function Done() {
  return (
    <AuthCard title="Already set up" about="The setup link was used. Nothing is left to do here.">
      <Text mt="md">
        <Anchor component={Link} to="/sign-in">
          Sign in
        </Anchor>
      </Text>
    </AuthCard>
  );
}
