// What a page shows when it is not there, not yet there, or failed.
import { Button, Skeleton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Compass } from 'lucide-react';
import { asProblem } from '@/api/problem';
import { AuthCard } from '@/ui/AuthCard';
import { Empty } from '@/ui/List';
import { Page } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';

export function PendingPage() {
  return (
    <div style={{ padding: 24, maxWidth: 1080, margin: '0 auto' }} role="status" aria-label="Loading">
      <Skeleton height={22} width={180} radius="sm" />
      <Skeleton height={12} width={320} radius="sm" mt={10} />
      <Skeleton height={220} radius="md" mt={22} />
    </div>
  );
}

const home = (
  <Button component={Link} to="/panels" variant="filled">
    Go to panels
  </Button>
);

export function NotFoundPage({ alone = false }: { alone?: boolean }) {
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
  if (asProblem(error).status === 404) return <NotFoundPage alone={alone} />;
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
