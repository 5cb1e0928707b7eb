// A command line asks to sign in: says as whom, with which code and where the answer goes, and lets it in at a click.
import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useSearch } from '@tanstack/react-router';
import { Terminal } from 'lucide-react';
import { api } from '@/api/client';
import { useMe } from '@/api/identity';
import type { Search } from '@/lib/search';
import { Facts } from '@/ui/Facts';
import { Note } from '@/ui/Note';
import { Page } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';

interface Asked {
  challenge: string;
  port: number;
  state: string;
}

/** What the link asks for; null when a part of it is missing. Whether it is right is the server's to say. */
function askedBy({ challenge, port, state }: Search): Asked | null {
  const number = /^\d{4,5}$/.test(port ?? '') ? Number(port) : 0;
  if (!challenge || !/^[\w-]{43}$/.test(challenge) || number < 1024 || number > 65_535 || !state) return null;
  // A code that is shorter tells nobody whether page and terminal belong together; no command line asks with such a challenge.
  if (lettersOf(challenge).length < CODE_LETTERS) return null;
  return { challenge, port: number, state };
}

const CODE_LETTERS = 8;
const lettersOf = (challenge: string): string =>
  challenge
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, CODE_LETTERS)
    .toUpperCase();

/** What the terminal shows too, made of the same challenge. */
function wordOf(challenge: string): string {
  const letters = lettersOf(challenge);
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

export function CliLoginPage() {
  const asked = askedBy(useSearch({ strict: false }) as Search);
  return (
    <Page
      title="Let the command line in?"
      about="Only if you have just typed wheelhouse login yourself."
      width="form"
    >
      {asked ? (
        <Question key={asked.challenge} asked={asked} />
      ) : (
        <Note state="warn">
          This link is not whole. Copy all of it from your terminal, or begin again with wheelhouse login.
        </Note>
      )}
    </Page>
  );
}

function Question({ asked }: { asked: Asked }) {
  const me = useMe();
  const allow = useMutation({
    mutationFn: () => api.post('/v1/identity/cli-logins', { body: { ...asked } }),
    // The server makes addresses of this computer only.
    onSuccess: ({ address }) => window.location.assign(address),
  });
  return (
    <Stack gap="md">
      <Facts
        facts={[
          { name: 'Code', value: <b data-testid="cli-login-word">{wordOf(asked.challenge)}</b>, mono: true },
          { name: 'Acts as', value: me.user.email ?? me.user.name },
          { name: 'Company', value: `${me.tenant.name}, as ${me.role}` },
          { name: 'The answer goes to', value: `127.0.0.1:${asked.port} on this computer`, mono: true },
        ]}
      />
      <Text size="sm">
        Your terminal must show the same code. The command line can then do what you can do, until this
        session would have ended; it is listed under Sessions, where you can end it before.
      </Text>
      {allow.error ? <ProblemNote error={allow.error} /> : null}
      {allow.isSuccess ? (
        <Note state="ok">Allowed. Go back to your terminal: it says how it ended.</Note>
      ) : (
        <Group>
          <Button
            variant="filled"
            leftSection={<Terminal size={14} />}
            loading={allow.isPending}
            onClick={() => allow.mutate()}
          >
            Let it in
          </Button>
          <Text size="sm">Otherwise close this page: nothing happens.</Text>
        </Group>
      )}
    </Stack>
  );
}
