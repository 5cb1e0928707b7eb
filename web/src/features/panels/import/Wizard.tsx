// From a file to rows: how it is read, shown and corrected; then sent, with progress and a way to stop; then the result.
import { Stepper } from '@mantine/core';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { useBlocker } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { api } from '@/api/client';
import { useMe } from '@/api/identity';
import type { Import, Panel } from '@/api/panels';
import { asProblem, Problem } from '@/api/problem';
import { queryClient } from '@/api/query';
import { plural } from '@/lib/format';
import { forgetProblem, showDone, showProblem } from '@/ui/toast';
import { CheckStep } from './CheckStep';
import { gotNothing, UNSURE } from './outcome';
import { type Progress, ResultStep, RunStep } from './RunStep';
import {
  type Detected,
  type Hints,
  type Mode,
  NO_HINTS,
  planned,
  type ReadOptions,
  titleOf,
  withKinds,
} from './reading';
import { fitsAddress, preview, type Upload, upload } from './upload';
import classes from './Wizard.module.css';

interface Props {
  file: File;
  /** The panel that is there, or null for a new one. */
  target: Panel | null;
  mode: Mode;
  onMode?: (mode: Mode) => void;
  onFile: (file: File | null) => void;
  makePanel: (title: string) => Promise<Panel>;
  onLeave: () => void;
  /** The import is over, and what was said about it before. */
  onDone?: () => void;
}

type Phase =
  | { kind: 'check'; error: unknown; making?: true; stopped?: true }
  | { kind: 'run'; panel: Panel; progress: Progress; stopping?: true }
  | { kind: 'done'; panel: Panel; result: Import; tooLate: boolean };

const STEP = { check: 0, run: 1, done: 2 } as const;

export function Wizard(props: Props) {
  const { file, target, mode, onMode, onFile, onLeave } = props;
  const [hints, setHints] = useState(NO_HINTS);
  const [title, setTitle] = useState(() => titleOf(file.name));
  const { detected, options, reading, error, retry } = useDetected(file, hints, target, mode);
  const { phase, start, stop } = useRun(props, title);
  useStayWhile(phase.kind === 'run');
  const { onDone } = props;
  const done = phase.kind === 'done';
  useEffect(() => {
    if (done) onDone?.();
  }, [done, onDone]);

  return (
    <>
      <Stepper
        active={STEP[phase.kind]}
        size="xs"
        iconSize={24}
        allowNextStepsSelect={false}
        className={classes.steps ?? ''}
        aria-label="Steps of the import"
      >
        <Stepper.Step label="Check how it is read" />
        <Stepper.Step label="Import" />
        <Stepper.Step label="Done" />
      </Stepper>
      {phase.kind === 'check' ? (
        <CheckStep
          file={file}
          target={target}
          mode={mode}
          {...(onMode ? { onMode } : {})}
          title={title}
          onTitle={setTitle}
          hints={hints}
          onHints={setHints}
          detected={detected}
          options={options}
          reading={reading}
          error={error}
          onRetry={retry}
          failed={phase.error}
          stopped={phase.stopped === true}
          making={phase.making === true}
          onOther={() => onFile(null)}
          onFile={onFile}
          onStart={() => void start(options)}
        />
      ) : null}
      {phase.kind === 'run' ? (
        <RunStep
          file={file}
          panel={phase.panel}
          progress={phase.progress}
          stopping={phase.stopping === true}
          onStop={stop}
        />
      ) : null}
      {phase.kind === 'done' ? (
        <ResultStep
          result={phase.result}
          tooLate={phase.tooLate}
          panel={phase.panel}
          onAgain={() => onFile(null)}
          onLeave={onLeave}
        />
      ) : null}
    </>
  );
}

/** How the server would read the file. */
interface Reading {
  /** With all that is said; the last answer stays until the next one. */
  detected: Detected | null;
  /** What must be sent of it. */
  options: ReadOptions | null;
  reading: boolean;
  error: unknown;
  retry: () => void;
}

const previewQuery = (file: File, hints: Hints) =>
  queryOptions({
    queryKey: ['panels', 'preview', file.name, file.size, file.lastModified, JSON.stringify(hints)],
    queryFn: ({ signal }) => preview(file, hints, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });

const lastAnswer = (last: Detected | undefined) => last;

/** Asked anew with each correction, and with the panel's types where others were detected. */
function useDetected(file: File, hints: Hints, target: Panel | null, mode: Mode): Reading {
  const bare = useQuery(previewQuery(file, NO_HINTS));
  const corrected = useQuery(previewQuery(file, hints));
  const all = corrected.data ? withKinds(hints, corrected.data.options, target) : hints;
  const read = useQuery({
    ...previewQuery(file, all),
    enabled: corrected.isSuccess,
    placeholderData: lastAnswer,
  });
  const plan = useMemo(() => {
    if (!read.data) return null;
    const fits = (options: ReadOptions) => fitsAddress(file.name, mode, options);
    return planned(bare.data?.options ?? null, corrected.data ?? read.data, read.data, mode, fits);
  }, [bare.data, corrected.data, read.data, mode, file.name]);
  return {
    detected: plan?.detected ?? null,
    options: plan?.options ?? null,
    reading: bare.isFetching || corrected.isFetching || read.isFetching,
    error: corrected.error ?? read.error,
    retry: () => void (corrected.error ? corrected : read).refetch(),
  };
}

function useRun({ file, mode, target, makePanel }: Props, title: string) {
  const by = useMe().user.id;
  const [phase, setPhase] = useState<Phase>({ kind: 'check', error: null });
  const running = useRef<Upload | null>(null);
  const begun = useRef(false);
  const stopping = useRef(false);
  const left = useRef(false);
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
      stopping.current = true;
      running.current?.stop();
    };
  }, []);

  const start = async (options: ReadOptions | null) => {
    // A second press, before the first has shown what it does, means the same import.
    if (begun.current) return;
    begun.current = true;
    stopping.current = false;
    let panel: Panel | null = null;
    try {
      setPhase({ kind: 'check', error: null, making: true });
      panel = await makePanel(title.trim());
      // Whoever left meanwhile could not stop what would begin now.
      if (left.current) throw Problem.stopped();
      const it = panel;
      setPhase({ kind: 'run', panel: it, progress: { sent: 0, startedAt: performance.now() } });
      const onSent = (sent: number) =>
        setPhase((now) => (now.kind === 'run' ? { ...now, progress: { ...now.progress, sent } } : now));
      const onStopRefused = (problem: Problem) => {
        stopping.current = false;
        setPhase((now) => (now.kind === 'run' ? { kind: 'run', panel: it, progress: now.progress } : now));
        showProblem(stopOf(file), problem);
      };
      running.current = upload({
        panelId: it.id,
        fresh: !target,
        by,
        file,
        mode,
        options,
        onSent,
        onStopRefused,
      });
      const result = await running.current.done;
      setPhase({ kind: 'done', panel: it, result, tooLate: stopping.current });
      if (left.current)
        showDone(`${plural(result.rows, 'row')} imported into ${it.title}`, stopping.current ? TOO_LATE : '');
    } catch (error) {
      const stopped = asProblem(error).code === STOPPED;
      setPhase(stopped ? { kind: 'check', error: null, stopped } : { kind: 'check', error });
      if (left.current && !stopped) showProblem(`import ${file.name}`, error);
      // Where the rows may still come, the panel stays for them.
      if (panel && !target && asProblem(error).code !== UNSURE) void dropPanel(panel.id);
    } finally {
      forgetProblem(stopOf(file));
      begun.current = false;
      running.current = null;
      void queryClient.invalidateQueries({ queryKey: ['panels', 'list'] });
      if (panel) void queryClient.invalidateQueries({ queryKey: ['panels', 'one', panel.id] });
    }
  };
  const stop = () => {
    stopping.current = true;
    forgetProblem(stopOf(file));
    setPhase((now) => (now.kind === 'run' ? { ...now, stopping: true } : now));
    running.current?.stop();
  };
  return { phase, start, stop };
}

const STOPPED = 'web.stopped';
/** Under this name stands why it was not stopped, until it is asked for again or the import is over. */
const stopOf = (file: File) => `stop the import of ${file.name}`;
const TOO_LATE = 'The stop came too late: the rows were stored already.';

/** A panel that was made for an import and got no rows is of use to nobody. It goes only where that is known. */
async function dropPanel(id: string): Promise<void> {
  if (!(await gotNothing(id))) return;
  try {
    await api.delete('/v1/panels/{id}', { path: { id } });
  } catch {
    // It stays in the list, empty, and can be deleted there.
  }
  await queryClient.invalidateQueries({ queryKey: ['panels', 'list'] });
}

/** An import is stopped by whoever leaves its page: ask before. */
function useStayWhile(running: boolean): void {
  useBlocker({
    shouldBlockFn: () => running && !window.confirm('The import is still running. Leave and stop it?'),
    enableBeforeUnload: () => running,
    disabled: !running,
  });
}
