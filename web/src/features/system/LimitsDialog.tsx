// Sets what a company may use at most: one number each, with its unit; an empty field sets no limit of the company's own.
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import type { Company } from '@/api/system';
import { count } from '@/lib/format';
import { Dialog } from '@/ui/Dialog';
import { useSend } from '@/ui/form';
import { Note } from '@/ui/Note';
import { ProblemNote } from '@/ui/ProblemNote';
import { showDone } from '@/ui/toast';
import { bytesOfGb, gbOfBytes, isBlank, STORAGE_BYTES_MAX, wholeNumber } from './limits';
import { found, shown } from './used';

/** What the fields hold, as it was typed. */
interface Wish {
  requests_per_min: string;
  storage_bytes: string;
  panels: string;
  members: string;
}

/** As the API has them. */
const REQUESTS_MIN = 60;
const REQUESTS_MAX = 500_000_000;
const THINGS_MAX = 10_000;
const GB = 1_000_000_000;

/** What each field takes. */
const READ: Record<keyof Wish, (typed: string) => number | undefined> = {
  requests_per_min: (typed) => wholeNumber(typed, REQUESTS_MIN, REQUESTS_MAX),
  storage_bytes: bytesOfGb,
  panels: (typed) => wholeNumber(typed, 1, THINGS_MAX),
  members: (typed) => wholeNumber(typed, 1, THINGS_MAX),
};
const refusal = (what: keyof Wish, otherwise: string) => (typed: string) =>
  isBlank(typed) || READ[what](typed) !== undefined ? null : otherwise;
const wholeFrom = (least: number, most: number) =>
  `Write a whole number from ${count(least)} to ${count(most)}, or nothing`;
const limit = (wish: Wish, what: keyof Wish): number | null => READ[what](wish[what]) ?? null;
const text = (set: number | null | undefined): string => (typeof set === 'number' ? String(set) : '');

export function LimitsDialog({ company, onClose }: { company: Company; onClose: () => void }) {
  return (
    <Dialog onClose={onClose} title={`Limits of ${company.name}`} size={480}>
      <LimitsForm company={company} onClose={onClose} />
    </Dialog>
  );
}

function LimitsForm({ company, onClose }: { company: Company; onClose: () => void }) {
  const { limits, default_limits: everybodys } = company;
  const cache = useQueryClient();
  const [unsaid, setUnsaid] = useState(false);
  const path = { company_id: company.id };
  const form = useForm<Wish>({
    initialValues: {
      requests_per_min: text(limits.requests_per_min),
      storage_bytes: typeof limits.storage_bytes === 'number' ? gbOfBytes(limits.storage_bytes) : '',
      panels: text(limits.panels),
      members: text(limits.members),
    },
    validate: {
      requests_per_min: refusal('requests_per_min', wholeFrom(REQUESTS_MIN, REQUESTS_MAX)),
      storage_bytes: refusal(
        'storage_bytes',
        `Write a number of GB above 0, at most ${count(STORAGE_BYTES_MAX / GB)}, like ${gbOfBytes(2.5 * GB)}, or nothing`,
      ),
      panels: refusal('panels', wholeFrom(1, THINGS_MAX)),
      members: refusal('members', wholeFrom(1, THINGS_MAX)),
    },
  });
  const done = async (word: string) => {
    await cache.invalidateQueries({ queryKey: ['system'] });
    showDone(word);
    onClose();
  };
  const blank = Object.values(form.values).every(isBlank);
  const { error, busy, submit, keys } = useSend(form, async (wish) => {
    // Removing all limits has a button of its own: nobody means it by leaving fields empty.
    setUnsaid(Object.values(wish).every(isBlank));
    if (Object.values(wish).every(isBlank)) return;
    const body = {
      requests_per_min: limit(wish, 'requests_per_min'),
      storage_bytes: limit(wish, 'storage_bytes'),
      panels: limit(wish, 'panels'),
      members: limit(wish, 'members'),
    };
    await api.put('/v1/system/companies/{company_id}/limits', { path, body });
    await done(`The limits of ${company.name} are set`);
  });
  const beyond = BEYOND.flatMap(([what, field, words]) => {
    const [one, most] = [found(company, what), limit(form.values, field)];
    return one && most !== null && one.used > most ? [`${shown(one, one.used)} ${words}`] : [];
  });
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          They count from the next request on. Where a field is empty, the limit of every company counts; it
          is shown in the field where there is one.
        </Text>
        <TextInput
          label="Requests a minute"
          description="Of all its people and keys, at each node; 60 or more, so that people can still work"
          inputMode="numeric"
          autoComplete="off"
          placeholder={text(everybodys.requests_per_min)}
          data-autofocus
          {...form.getInputProps('requests_per_min')}
        />
        <TextInput
          label="Storage"
          description={`In GB, ${count(GB)} bytes each. ${now(company, 'storage')}`}
          inputMode="decimal"
          autoComplete="off"
          placeholder={
            typeof everybodys.storage_bytes === 'number' ? gbOfBytes(everybodys.storage_bytes) : ''
          }
          {...form.getInputProps('storage_bytes')}
        />
        <TextInput
          label="Panels"
          description={now(company, 'panels')}
          inputMode="numeric"
          autoComplete="off"
          placeholder={text(everybodys.panels)}
          {...form.getInputProps('panels')}
        />
        <TextInput
          label="Members"
          description={`People and service accounts. ${now(company, 'members')}`}
          inputMode="numeric"
          autoComplete="off"
          placeholder={text(everybodys.members)}
          {...form.getInputProps('members')}
        />
        {beyond.length > 0 ? (
          <Note state="warn">
            {company.name} already has {beyond.join(' and ')}, which is more than this. Nothing is removed,
            but nothing can be added.
          </Note>
        ) : null}
        {unsaid && blank ? <Note state="warn">{unsaidWords(company)}</Note> : null}
        {error ? <ProblemNote error={error} /> : null}
        <Group justify="space-between" gap="xs" mt="xs">
          <RemoveButton company={company} onRemoved={done} />
          <Group gap="xs" ml="auto">
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

/** What may already be more than is typed. */
const BEYOND: readonly [what: string, field: keyof Wish, words: string][] = [
  ['storage', 'storage_bytes', 'of storage'],
  ['panels', 'panels', 'panels'],
  ['members', 'members', 'members'],
];

const limited = (company: Company): boolean => Object.keys(company.limits).length > 0;

const unsaidWords = (company: Company): string =>
  limited(company)
    ? 'Every field is empty, so there is no limit to set. To take all limits away, use “Remove the limits”.'
    : 'Every field is empty, so there is no limit to set. Fill in at least one.';

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
  if (!limited(company)) return null;
  const remove = async () => {
    setBusy(true);
    setError(null);
    try {
      await api.delete('/v1/system/companies/{company_id}/limits', { path: { company_id: company.id } });
      await onRemoved(`${company.name} has no limits of its own any more`);
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
