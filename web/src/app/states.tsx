// What a page shows when it is not there, not yet there, or failed.
import { Button, Group, Skeleton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { useState } from 'react';
import { useMe } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { AuthCard } from '@/ui/AuthCard';
import { Empty } from '@/ui/List';
import { Page } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';
import { attempt } from '@/ui/toast';
import { useSwitch } from './session';

export function PendingPage() {
  return (
    <div style={{ padding: 24, maxWidth: 1080, margin: '0 auto' }} role="status" aria-label="Loading">
      <Skeleton height={22} width={180} radius="sm" />
      <Skeleton height={12} width={320} radius="sm" mt={10} />
      <Skeleton height={220} radius="md" mt={22} />
    </div>
  );
}

/** Links do not say whose they are: the same address may open in another of one's companies. */
function Elsewhere() {
  const me = useMe();
  const change = useSwitch();
  const [busy, setBusy] = useState<string | null>(null);
  const others = me.tenants.filter(({ id }) => id !== me.tenant.id);
  if (others.length === 0) return null;
  const go = async (id: string) => {
    setBusy(id);
    await attempt('switch company', () => change(id));
    setBusy(null);
  };
  return (
    <section aria-label="Your other companies" style={{ marginTop: 20, textAlign: 'center' }}>
      <p style={{ margin: '0 0 8px', color: 'var(--wh-text-2)' }}>
        You are in {me.tenant.name}. The link may belong to another of your companies:
      </p>
      <Group gap="xs" justify="center">
        {others.map(({ id, name }) => (
          <Button key={id} loading={busy === id} disabled={busy !== null} onClick={() => void go(id)}>
            Open it in {name}
          </Button>
        ))}
      </Group>
    </section>
  );
}

const home = (
  <Button component={Link} to="/panels" variant="filled">
    Go to panels
  </Button>
);

export function NotFoundPage({ alone = false, thing = false }: { alone?: boolean; thing?: boolean }) {
  const about = 'Nothing lives at this address. It may have been deleted, or the link may be cut short.';
  if (alone) {
    return (
      <AuthCard title="Not found" about={about}>
        <div style={{ marginTop: 20 }}>{home}</div>
      </AuthCard>
    );
  }
  return (
    <Page title="Not found">
      <Empty icon={<Compass size={28} />} title="Nothing lives at this address" action={home}>
        It may have been deleted, it may belong to another company, or the link may be cut short.
      </Empty>
      {thing ? <Elsewhere /> : null}
    </Page>
  );
}

export function FailedPage({
  error,
  onRetry,
  alone = false,
}: {
  error: unknown;
  onRetry: () => void;
  alone?: boolean;
}) {
  const { status, code } = asProblem(error);
  if (status === 404 || code === 'server.path') return <NotFoundPage alone={alone} thing={!alone} />;
  if (alone) {
    return (
      <AuthCard title="This page did not load">
        <div style={{ marginTop: 16 }}>
          <ProblemNote error={error} onRetry={() => window.location.reload()} />
        </div>
      </AuthCard>
    );
  }
  return (
    <Page title="This page did not load">
      <ProblemNote error={error} onRetry={onRetry} />
    </Page>
  );
}
