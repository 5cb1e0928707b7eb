// Sets what a company may use at most: one number each, with its unit; an empty field leaves it to the house.
import { Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import type { Company } from '@/api/system';
import { Dialog } from '@/ui/Dialog';
import { useSend } from '@/ui/form';
import { Note } from '@/ui/Note';
import { ProblemNote } from '@/ui/ProblemNote';
import { showDone } from '@/ui/toast';
import { found, shown } from './used';

/** Storage is typed in GB and sent in bytes. */
const GB = 1_000_000_000;

/** What a number field holds: nothing is an empty text. */
type Typed = number | string;

interface Wish {
  requests_per_min: Typed;
  storage_bytes: Typed;
  panels: Typed;
  members: Typed;
}

const number = (typed: Typed): number | null => (typed === '' ? null : Number(typed));
const inBytes = (typed: Typed): number | null => {
  const gigabytes = number(typed);
  return gigabytes === null ? null : Math.round(gigabytes * GB);
};
const atLeast = (least: number) => (typed: Typed) => {
  const wanted = number(typed);
  return wanted === null || wanted >= least ? null : `At least ${least}, or empty`;
};

export function LimitsDialog({ company, onClose }: { company: Company; onClose: () => void }) {
  return (
    <Dialog onClose={onClose} title={`Limits of ${company.name}`} size={480}>
      <LimitsForm company={company} onClose={onClose} />
    </Dialog>
  );
}

function LimitsForm({ company, onClose }: { company: Company; onClose: () => void }) {
  const { limits } = company;
  const cache = useQueryClient();
  const path = { company_id: company.id };
  const form = useForm<Wish>({
    initialValues: {
      requests_per_min: limits.requests_per_min ?? '',
      storage_bytes: typeof limits.storage_bytes === 'number' ? limits.storage_bytes / GB : '',
      panels: limits.panels ?? '',
      members: limits.members ?? '',
    },
    validate: {
      requests_per_min: atLeast(60),
      storage_bytes: (typed) => (inBytes(typed) === 0 ? 'More than 0, or empty' : null),
      panels: atLeast(1),
      members: atLeast(1),
    },
  });
  const done = async (word: string) => {
    await cache.invalidateQueries({ queryKey: ['system'] });
    showDone(word);
    onClose();
  };
  const { error, busy, submit, keys } = useSend(form, async (wish) => {
    const body = {
      requests_per_min: number(wish.requests_per_min),
      storage_bytes: inBytes(wish.storage_bytes),
      panels: number(wish.panels),
      members: number(wish.members),
    };
    if (Object.values(body).every((limit) => limit === null)) {
      await api.delete('/v1/system/companies/{company_id}/limits', { path });
      await done(`${company.name} has the limits of the house`);
    } else {
      await api.put('/v1/system/companies/{company_id}/limits', { path, body });
      await done(`The limits of ${company.name} are set`);
    }
  });
  const wanted = {
    storage: inBytes(form.values.storage_bytes),
    panels: number(form.values.panels),
    members: number(form.values.members),
  };
  const beyond = Object.entries(wanted).flatMap(([what, limit]) => {
    const one = found(company, what);
    return one && limit !== null && one.used > limit ? [`${shown(one, one.used)} of ${what}`] : [];
  });
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          They count from the next request on. An empty field leaves it to the house.
        </Text>
        <NumberInput
          label="Requests a minute"
          description="Of all its people and keys, at each node; 60 or more, so that people can still work"
          suffix=" / min"
          thousandSeparator=","
          allowDecimal={false}
          allowNegative={false}
          data-autofocus
          {...form.getInputProps('requests_per_min')}
        />
        <NumberInput
          label="Storage"
          description={`In GB, 1,000,000,000 bytes each. ${now(company, 'storage')}`}
          suffix=" GB"
          thousandSeparator=","
          decimalScale={9}
          allowNegative={false}
          {...form.getInputProps('storage_bytes')}
        />
        <NumberInput
          label="Panels"
          description={now(company, 'panels')}
          thousandSeparator=","
          allowDecimal={false}
          allowNegative={false}
          {...form.getInputProps('panels')}
        />
        <NumberInput
          label="Members"
          description={`People and service accounts. ${now(company, 'members')}`}
          thousandSeparator=","
          allowDecimal={false}
          allowNegative={false}
          {...form.getInputProps('members')}
        />
        {beyond.length > 0 ? (
          <Note state="warn">
            {company.name} has {beyond.join(' and ')} already. All of it stays; more is refused.
          </Note>
        ) : null}
        {error ? <ProblemNote error={error} /> : null}
        <Group justify="space-between" gap="xs" mt="xs">
          <RemoveButton company={company} onRemoved={done} />
          <Group gap="xs">
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="filled" loading={busy}>
              Set the limits
            </Button>
          </Group>
        </Group>
      </Stack>
    </form>
  );
}

/** What it has now. */
function now(company: Company, what: string): string {
  const one = found(company, what);
  return one ? `Now ${shown(one, one.used)}.` : '';
}

/** Takes all limits away; they can be set again, so nothing is asked. */
function RemoveButton({
  company,
  onRemoved,
}: {
  company: Company;
  onRemoved: (word: string) => Promise<unknown>;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (Object.keys(company.limits).length === 0) return <span />;
  const remove = async () => {
    setBusy(true);
    setError(null);
    try {
      await api.delete('/v1/system/companies/{company_id}/limits', { path: { company_id: company.id } });
      await onRemoved(`${company.name} has the limits of the house`);
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <Stack gap="xs">
      <Button variant="subtle" loading={busy} onClick={() => void remove()}>
        Remove the limits
      </Button>
      {error ? <ProblemNote error={error} /> : null}
    </Stack>
  );
}
