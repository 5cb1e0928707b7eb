// What the two buttons open: imports that run, with how far and how to stop; and how those that ended went.
import { Progress as Bar, Skeleton } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, CircleSlash, CircleX, LoaderCircle } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { api } from '@/api/client';
import { membersQuery, useForbidden, useMe } from '@/api/identity';
import { type Import, recentImportsQuery, runningImportsQuery } from '@/api/panels';
import { asProblem } from '@/api/problem';
import { bytes, plural } from '@/lib/format';
import { useLive } from '@/lib/live';
import { ActButton } from '@/ui/Guarded';
import { ProblemNote, sentence } from '@/ui/ProblemNote';
import { forgetProblem, showProblem } from '@/ui/toast';
import { When } from '@/ui/When';
import classes from './activity.module.css';
import type { Ended, Notices } from './looked';

const ENDED_SHOWN = 6;
/** Words on progress come with the bytes; the last of a burst may not. Asked only while it is looked at. */
const ASK_EVERY_MS = 2_000;
const STOPPED = 'panels.import_stopped';

export function ActivityPanel({ onLeave }: { onLeave: () => void }) {
  const cache = useQueryClient();
  const running = useQuery({ ...runningImportsQuery, refetchInterval: ASK_EVERY_MS });
  const recent = useQuery(recentImportsQuery);
  useEffect(() => {
    // How far they are is told while they run; where they stand now is asked.
    void cache.invalidateQueries({ queryKey: runningImportsQuery.queryKey });
  }, [cache]);
  const ended = (recent.data?.items ?? []).filter((one): one is Ended => one.ended_at !== null);
  const error = running.error ?? recent.error;
  return (
    <>
      {error ? (
        <ProblemNote
          error={error}
          onRetry={() => {
            void running.refetch();
            void recent.refetch();
          }}
        />
      ) : null}
      <h3 className={classes.group}>Running</h3>
      {running.data?.items.length ? (
        <ul className={classes.list} aria-label="Running">
          {running.data.items.map((one) => (
            <Runs key={one.id} one={one} onLeave={onLeave} />
          ))}
        </ul>
      ) : running.isPending ? (
        <Skeleton height={40} m={16} />
      ) : running.error ? null : (
        <p className={classes.none}>
          Nothing is running. Imports show here while they run, and go on being shown when their page is
          closed.
        </p>
      )}
      {ended.length > 0 ? (
        <>
          <h3 className={classes.group}>Ended</h3>
          <ul className={classes.list} aria-label="Ended">
            {ended.slice(0, ENDED_SHOWN).map((one) => (
              <Went key={one.id} one={one} onLeave={onLeave} />
            ))}
          </ul>
        </>
      ) : null}
    </>
  );
}

export function NoticesPanel({
  notices,
  since,
  onLeave,
}: {
  notices: Notices;
  since: number;
  onLeave: () => void;
}) {
  const { ended, error, pending, retry } = notices;
  if (pending) return <Skeleton height={40} m={16} />;
  return (
    <>
      {error ? <ProblemNote error={error} onRetry={retry} /> : null}
      {ended.length > 0 ? (
        <ul className={classes.list} aria-label="Notifications">
          {ended.map((one) => (
            <Went key={one.id} one={one} isNew={Date.parse(one.ended_at) > since} onLeave={onLeave} />
          ))}
        </ul>
      ) : error ? null : (
        <p className={classes.none}>Nothing has ended yet. You are told here how imports went.</p>
      )}
    </>
  );
}

function Runs({ one, onLeave }: { one: Import; onLeave: () => void }) {
  const cache = useQueryClient();
  const refused = useForbidden('panels:write');
  const by = useStarter(one);
  const now = useProgress(one);
  const what = `stop import ${one.id}`;
  const stop = useMutation({
    onMutate: () => forgetProblem(what),
    mutationFn: () =>
      api.post('/v1/panels/{id}/imports/{import_id}/stop', {
        path: { id: one.panel_id, import_id: one.id },
      }),
    // It ended meanwhile: that is seen.
    onError: (error) => asProblem(error).status !== 409 && showProblem(what, error),
    onSettled: () => cache.invalidateQueries({ queryKey: ['panels', 'recent'] }),
  });
  const share = one.bytes_expected ? Math.min(1, now.bytes / one.bytes_expected) : null;
  const how = [
    share === null ? bytes(now.bytes) : `${bytes(now.bytes)} of ${bytes(one.bytes_expected ?? 0)}`,
    plural(now.rows, 'row'),
    ...(now.bad > 0 ? [`${plural(now.bad, 'line')} left out`] : []),
  ].join(' · ');
  return (
    <Line
      icon={<LoaderCircle size={16} aria-hidden className={classes.turning} />}
      state="running"
      one={one}
      onLeave={onLeave}
      act={
        <ActButton
          refused={refused}
          loading={stop.isPending}
          onClick={() => stop.mutate()}
          aria-label={`Stop the import into ${one.panel_title}`}
        >
          Stop
        </ActButton>
      }
    >
      <span className={classes.quiet}>
        {one.mode === 'append' ? 'Appending' : 'Importing'} {one.file_name ?? 'a stream'}
        {by ? ` · by ${by}` : ''} · <When at={one.started_at} />
      </span>
      <Bar
        value={share === null ? 100 : share * 100}
        animated={share === null || share >= 1}
        size="sm"
        aria-label={`Progress of the import into ${one.panel_title}`}
        className={classes.bar ?? ''}
      />
      <span className={`${classes.quiet} tabular`}>{how}</span>
    </Line>
  );
}

function useProgress(one: Import): { rows: number; bytes: number; bad: number } {
  const [told, setTold] = useState({ rows: 0, bytes: 0, bad: 0 });
  useLive(`panels.${one.panel_id}`, {
    tell: ({ kind, data }) => {
      if (kind !== 'import_progress' || data['import'] !== one.id) return;
      const figure = (name: string) => Number(data[name] ?? 0);
      setTold({ rows: figure('rows'), bytes: figure('bytes'), bad: figure('bad_lines') });
    },
  });
  return {
    rows: Math.max(told.rows, one.rows),
    bytes: Math.max(told.bytes, one.bytes),
    bad: Math.max(told.bad, one.bad_lines),
  };
}

function Went({ one, isNew = false, onLeave }: { one: Ended; isNew?: boolean; onLeave: () => void }) {
  const by = useStarter(one);
  const { icon: Icon, state, text } = outcome(one);
  return (
    <Line icon={<Icon size={16} aria-hidden />} state={state} one={one} isNew={isNew} onLeave={onLeave}>
      <span>{text}</span>
      {one.problem && one.problem.code !== STOPPED ? (
        <span className={classes.quiet}>
          {sentence(one.problem.detail)} <span className="mono">{one.problem.code}</span>
        </span>
      ) : null}
      <span className={classes.quiet}>
        {one.file_name ? `${one.file_name} · ` : ''}
        {by ? `by ${by} · ` : ''}
        <When at={one.ended_at} />
      </span>
    </Line>
  );
}

function outcome(one: Ended) {
  if (one.state === 'done') {
    const left = one.bad_lines > 0 ? `, ${plural(one.bad_lines, 'line')} left out` : '';
    const rows = plural(one.rows, 'row');
    return {
      icon: CircleCheck,
      state: 'ok',
      text: `${rows} ${one.mode === 'append' ? 'appended' : 'imported'}${left}`,
    } as const;
  }
  if (one.problem?.code === STOPPED)
    return { icon: CircleSlash, state: 'unknown', text: 'Import stopped' } as const;
  return { icon: CircleX, state: 'bad', text: 'Import failed' } as const;
}

function Line({
  icon,
  state,
  one,
  isNew = false,
  act,
  onLeave,
  children,
}: {
  icon: ReactNode;
  state: 'ok' | 'bad' | 'running' | 'unknown';
  one: Import;
  isNew?: boolean;
  act?: ReactNode;
  onLeave: () => void;
  children: ReactNode;
}) {
  return (
    <li className={classes.line} data-state={state}>
      <span className={classes.icon}>{icon}</span>
      <div className={classes.words}>
        <span className={classes.head}>
          <Link to="/panels/$id" params={{ id: one.panel_id }} className={classes.link} onClick={onLeave}>
            {one.panel_title}
          </Link>
          {isNew ? <span className={classes.new}>new</span> : null}
        </span>
        {children}
      </div>
      {act}
    </li>
  );
}

/** Who began it, as far as the list of members says. */
function useStarter({ started_by }: Import): string | null {
  const me = useMe();
  const people = useInfiniteQuery({ ...membersQuery, enabled: me.permissions.includes('identity:read') });
  if (started_by === me.user.id) return 'you';
  const all = people.data?.pages.flatMap((page) => page.items) ?? [];
  return all.find((one) => one.user_id === started_by)?.name ?? null;
}
