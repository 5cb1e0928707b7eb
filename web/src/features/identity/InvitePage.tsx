// An invitation is opened: says who invites as what, then makes the account or joins with the one there is.
import { Anchor, Button, Loader, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { type Answer, api } from '@/api/client';
import { AuthCard } from '@/ui/AuthCard';
import { useSend } from '@/ui/form';
import { ProblemNote } from '@/ui/ProblemNote';
import { PASSWORD_HELP, rules, useEnter } from './entry';

type Offer = Answer<'/v1/identity/invitations/lookup', 'post'>;

export function InvitePage() {
  // From the router, which hears of a link that is pasted over this one.
  const token = useRouterState({ select: ({ location }) => location.hash });
  const offer = useQuery({
    queryKey: ['identity', 'offer', token],
    queryFn: ({ signal }) => api.post('/v1/identity/invitations/lookup', { body: { token }, signal }),
    enabled: token !== '',
    retry: false,
  });
  if (offer.data) return <AcceptForm key={token} token={token} offer={offer.data} />;
  if (token && !offer.error) {
    return (
      <AuthCard title="Reading the invitation">
        <Loader mt="md" aria-label="Loading" />
      </AuthCard>
    );
  }
  return (
    <AuthCard title="This invitation cannot be used" about="Ask whoever invited you for a new link.">
      <Stack gap="sm" mt="md">
        {offer.error ? (
          <ProblemNote error={offer.error} />
        ) : (
          <Text>The link is incomplete: its end after # is missing.</Text>
        )}
        <Anchor component={Link} to="/sign-in">
          Sign in instead
        </Anchor>
      </Stack>
    </AuthCard>
  );
}

function AcceptForm({ token, offer }: { token: string; offer: Offer }) {
  const enter = useEnter();
  const form = useForm({
    initialValues: { name: '', password: '' },
    validate: offer.account_exists
      ? { password: rules.filled('The password') }
      : { name: rules.filled('Your name'), password: rules.newPassword },
  });
  const { error, busy, submit, keys } = useSend(form, async ({ name, password }) => {
    const body = offer.account_exists ? { token, password } : { token, name, password };
    await enter(await api.post('/v1/identity/invitations/accept', { body }));
  });
  return (
    <AuthCard
      title={`Join ${offer.company}`}
      about={
        <>
          You are invited as <b>{offer.role}</b>.
        </>
      }
    >
      <form onSubmit={submit} noValidate {...keys}>
        <Stack gap="sm">
          <TextInput size="sm" label="E-mail" value={offer.email} readOnly autoComplete="username" />
          {offer.account_exists ? null : (
            <TextInput
              size="sm"
              label="Your name"
              autoComplete="name"
              autoFocus
              {...form.getInputProps('name')}
            />
          )}
          <PasswordInput
            size="sm"
            label={offer.account_exists ? 'Your password' : 'Choose a password'}
            description={
              offer.account_exists ? 'You have an account here already: use its password.' : PASSWORD_HELP
            }
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            autoComplete={offer.account_exists ? 'current-password' : 'new-password'}
            autoFocus={offer.account_exists}
            {...form.getInputProps('password')}
          />
          {error ? <ProblemNote error={error} /> : null}
          <Button type="submit" size="sm" variant="filled" loading={busy} fullWidth mt={4}>
            Join {offer.company}
          </Button>
        </Stack>
      </form>
    </AuthCard>
  );
}
