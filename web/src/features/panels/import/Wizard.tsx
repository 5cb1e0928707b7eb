// From a file to rows: how it is read, shown and corrected; then sent, with progress and a way to stop; then the result.
import { Stepper } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useBlocker } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { api } from '@/api/client';
import type { Import, Panel } from '@/api/panels';
import { AWAY, asProblem, Problem } from '@/api/problem';
import { queryClient } from '@/api/query';
import { CheckStep } from './CheckStep';
import { type Progress, ResultStep, RunStep } from './RunStep';
import { type Hints, type Mode, preview, type ReadOptions, titleOf, type Upload, upload } from './upload';
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
  | { kind: 'check'; error: unknown; making?: true }
  | { kind: 'run'; panel: Panel; progress: Progress }
  | { kind: 'done'; panel: Panel; result: Import };

const STEP = { check: 0, run: 1, done: 2 } as const;

export function Wizard(props: Props) {
  const { file, target, mode, onMode, onFile, onLeave } = props;
  const [hints, setHints] = useState<Hints>(() => firstHints(target));
  const [title, setTitle] = useState(() => titleOf(file.name));
  const detected = useDetected(file, hints);
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
          detected={detected.data ?? null}
          reading={detected.isFetching}
          error={detected.error}
          onRetry={() => void detected.refetch()}
          failed={phase.error}
          making={phase.making === true}
          onOther={() => onFile(null)}
          onFile={onFile}
          onStart={(options) => void start(options)}
        />
      ) : null}
      {phase.kind === 'run' ? (
        <RunStep file={file} panel={phase.panel} progress={phase.progress} onStop={stop} />
      ) : null}
      {phase.kind === 'done' ? (
        <ResultStep
          result={phase.result}
          panel={phase.panel}
          onAgain={() => onFile(null)}
          onLeave={onLeave}
        />
      ) : null}
    </>
  );
}

/** For a panel that is there, columns of the same name keep their type. */
function firstHints(target: Panel | null): Hints {
  return { columns: target?.columns.map(({ name, kind }) => ({ source: name, kind })) ?? [] };
}

/** How the server would read the file, asked anew with each correction; the last answer stays until the next one. */
function useDetected(file: File, hints: Hints) {
  return useQuery({
    queryKey: ['panels', 'preview', file.name, file.size, file.lastModified, JSON.stringify(hints)],
    queryFn: ({ signal }) => preview(file, hints, signal),
    placeholderData: (last) => last,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    retry: false,
  });
}

function useRun({ file, mode, target, makePanel }: Props, title: string) {
  const [phase, setPhase] = useState<Phase>({ kind: 'check', error: null });
  const running = useRef<Upload | null>(null);
  const stopped = useRef(false);
  const begun = useRef(false);
  const left = useRef(false);
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
      running.current?.stop();
    };
  }, []);

  const start = async (options: ReadOptions) => {
    // A second press, before the first has shown what it does, means the same import.
    if (begun.current) return;
    begun.current = true;
    stopped.current = false;
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
      running.current = upload({ panelId: it.id, fresh: !target, file, mode, options, onSent });
      const result = await running.current.done;
      setPhase({ kind: 'done', panel: it, result });
    } catch (error) {
      // A panel that was made for this import and got no rows is of use to nobody. Without an answer it may have got them.
      if (panel && !target && asProblem(error).code !== AWAY) void dropPanel(panel.id);
      setPhase({ kind: 'check', error: stopped.current ? null : error });
    } finally {
      begun.current = false;
      running.current = null;
      void queryClient.invalidateQueries({ queryKey: ['panels', 'list'] });
      if (panel) void queryClient.invalidateQueries({ queryKey: ['panels', 'one', panel.id] });
    }
  };
  const stop = () => {
    stopped.current = true;
    running.current?.stop();
  };
  return { phase, start, stop };
}

async function dropPanel(id: string): Promise<void> {
  try {
    await api.delete('/v1/panels/{id}', { path: { id } });
  } catch {
    // It stays in the list, empty, and can be deleted there.
  }
  await queryClient.invalidateQueries({ queryKey: ['panels', 'list'] });
}

/** An upload ends with its page: ask before leaving. */
function useStayWhile(running: boolean): void {
  useBlocker({
    shouldBlockFn: () => running && !window.confirm('The upload is still running. Leave and stop it?'),
    enableBeforeUnload: () => running,
    disabled: !running,
  });
}
