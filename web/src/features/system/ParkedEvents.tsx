// Events that a reaction gave up: why, and how they are tried again, one or all of a reaction.
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { CircleCheck, RotateCw } from 'lucide-react';
import { api } from '@/api/client';
import { useForbidden } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { type Parked, parkedQuery } from '@/api/system';
import { count, plural } from '@/lib/format';
import { ActButton } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Section } from '@/ui/Page';
import { forgetProblem, showDone, showProblem } from '@/ui/toast';
import { When } from '@/ui/When';

/** Reactions that gave up more than one of these: those one by one would be tedious for. */
function repeated(parked: readonly Parked[]): string[] {
  const seen = new Map<string, number>();
  for (const { reaction } of parked) seen.set(reaction, (seen.get(reaction) ?? 0) + 1);
  return [...seen].filter(([, events]) => events > 1).map(([reaction]) => reaction);
}

function useRetry() {
  const cache = useQueryClient();
  const onSettled = () => cache.invalidateQueries({ queryKey: ['system'] });
  // Somebody else may have been faster: then there is nothing to tell.
  const failed = (what: string, error: unknown) =>
    asProblem(error).status !== 404 && showProblem(`retry ${what}`, error);
  const one = useMutation({
    mutationFn: (event_id: string) => api.post('/v1/system/parked/{event_id}/retry', { path: { event_id } }),
    onMutate: (event_id) => forgetProblem(`retry ${event_id}`),
    onSuccess: () => showDone('The event is tried again'),
    onError: (error, event_id) => failed(event_id, error),
    onSettled,
  });
  const all = useMutation({
    mutationFn: (reaction: string) => api.post('/v1/system/parked/retry', { body: { reaction } }),
    onMutate: (reaction) => forgetProblem(`retry ${reaction}`),
    onSuccess: ({ retried, left }) => {
      const rest = left > 0 ? `; ${count(left)} are left` : '';
      showDone(`${plural(retried, 'event')} ${retried === 1 ? 'is' : 'are'} tried again${rest}`);
    },
    onError: (error, reaction) => failed(reaction, error),
    onSettled,
  });
  return { one, all };
}

export function ParkedEvents() {
  const forbidden = useForbidden('system:write');
  const parked = useInfiniteQuery(parkedQuery);
  const { one: retry, all } = useRetry();
  const columns: ListColumn<Parked>[] = [
    {
      name: 'event',
      head: 'Event',
      grow: true,
      cell: (one) => <TwoLines first={`${one.kind} → ${one.reaction}`} second={one.reason} words />,
    },
    { name: 'time', head: 'Happened', wide: true, cell: (one) => <When at={one.time} /> },
    { name: 'attempts', head: 'Attempts', align: 'end', wide: true, cell: (one) => count(one.attempts) },
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <ActButton
          variant="subtle"
          leftSection={<RotateCw size={14} />}
          refused={forbidden}
          loading={retry.isPending && retry.variables === one.event_id}
          onClick={() => retry.mutate(one.event_id)}
        >
          Retry
        </ActButton>
      ),
    },
  ];
  const reactions = repeated(parked.data?.pages.flatMap((page) => page.items) ?? []);
  const retryAll = reactions.map((reaction) => (
    <ActButton
      key={reaction}
      variant="default"
      leftSection={<RotateCw size={14} />}
      refused={forbidden}
      loading={all.isPending && all.variables === reaction}
      onClick={() => all.mutate(reaction)}
    >
      Retry all of {reaction}
    </ActButton>
  ));
  return (
    <Section
      title="Parked events"
      about="A reaction failed on them until they were put aside. Repair the cause, then retry."
      actions={retryAll.length > 0 ? retryAll : undefined}
    >
      <List
        label="Parked events"
        columns={columns}
        query={parked}
        keyOf={(one) => `${one.event_id} ${one.reaction}`}
        empty={<Empty icon={<CircleCheck size={28} />} title="Nothing is parked" />}
      />
    </Section>
  );
}
