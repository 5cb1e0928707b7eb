// How the backups of the installation stand: up to when everything is kept, and which restore was proven last.
import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { backupsQuery, type Backups as State } from '@/api/system';
import { bytes, duration, plural } from '@/lib/format';
import { Facts } from '@/ui/Facts';
import { Note } from '@/ui/Note';
import { Section } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';
import { When } from '@/ui/When';

export function Backups() {
  const { data, error, refetch } = useQuery(backupsQuery);
  return (
    <Section title="Backups" about="Of everything the installation keeps, encrypted with the operator's key.">
      {error ? <ProblemNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? <How state={data} /> : null}
    </Section>
  );
}

function How({ state }: { state: State }) {
  const { target, kept_at, proven } = state;
  return (
    <Stack gap="sm">
      <Verdict state={state} />
      <Facts
        facts={[
          { name: 'Kept up to', value: kept_at ? <When at={kept_at} /> : 'never' },
          { name: 'Last proven restore', value: proven ? <When at={proven.at} /> : 'never' },
          ...(proven
            ? [
                { name: 'Restored the moment', value: <When at={proven.point_at} /> },
                {
                  name: 'What was restored',
                  value: `${plural(proven.rows, 'row')}, ${plural(proven.objects, 'object')}, ${bytes(proven.bytes)} in ${duration(proven.took_ms / 1000)}`,
                },
                { name: 'Point', value: proven.point, text: proven.point, mono: true },
              ]
            : []),
          ...(target ? [{ name: 'Place', value: target, text: target, mono: true }] : []),
        ]}
      />
    </Stack>
  );
}

function Verdict({ state: { target, kept_at, proven, failed, unproven } }: { state: State }): ReactNode {
  if (failed) return <Failed what="The last backup failed" failure={failed} />;
  if (unproven) return <Failed what="The last proof failed" failure={unproven} />;
  if (!target) {
    return (
      <Note state="warn">
        The server makes no backups by itself: no target is set in [backup].{' '}
        <a href="/docs/backup">How to set it up</a>
      </Note>
    );
  }
  if (!kept_at) return <Note state="info">The first backup is being made.</Note>;
  if (!proven) return <Note state="info">No restore was proven yet.</Note>;
  return <Note state="ok">Backups are made, and a restore was proven.</Note>;
}

function Failed({ what, failure }: { what: string; failure: { at: string; code: string; message: string } }) {
  return (
    <Note state="warn">
      {what} <When at={failure.at} />: {failure.message} (<span className="mono">{failure.code}</span>)
    </Note>
  );
}
