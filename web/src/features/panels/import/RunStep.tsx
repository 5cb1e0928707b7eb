// Steps three and four: what is happening and how far it is, with a way to stop; then what came of it.
import { Anchor, Progress as Bar, Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { CircleCheck, Download } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { Import, Panel } from '@/api/panels';
import { bytes, count, duration, plural } from '@/lib/format';
import { useLive } from '@/lib/live';
import { Note } from '@/ui/Note';
import { badLinesAddress } from '../ImportsDialog';
import { keptLines, unknownKeys } from '../leftOut';
import classes from './Wizard.module.css';

export interface Progress {
  sent: number;
  startedAt: number;
}

interface Told {
  rows: number;
  bad: number;
}

export function RunStep({
  file,
  panel,
  progress,
  stopping,
  onStop,
}: {
  file: File;
  panel: Panel;
  progress: Progress;
  /** It is being found out whether the stop comes in time. */
  stopping: boolean;
  onStop: () => void;
}) {
  const [told, setTold] = useState<Told>({ rows: 0, bad: 0 });
  useLive(`panels.${panel.id}`, {
    tell: ({ kind, data }) => {
      if (kind === 'import_progress')
        setTold({ rows: Number(data['rows'] ?? 0), bad: Number(data['bad_lines'] ?? 0) });
    },
  });
  const sent = Math.min(progress.sent, file.size);
  const share = file.size === 0 ? 1 : sent / file.size;
  const left = useRemaining(share, progress.startedAt);
  const state = stopping ? 'Stopping' : share < 1 ? `Sending ${file.name}` : 'Storing the rows';
  return (
    <div className={classes.run}>
      <p className={classes.runTitle} aria-live="polite">
        {state}
      </p>
      <Bar
        value={share * 100}
        size="md"
        animated={share >= 1}
        aria-label="Progress of the upload"
        className={classes.progress ?? ''}
      />
      <dl className={classes.facts}>
        <div>
          <dt>Sent</dt>
          <dd>
            {bytes(sent)} of {bytes(file.size)}
          </dd>
        </div>
        <div>
          <dt>Rows read</dt>
          <dd>{told.rows > 0 ? count(told.rows) : '–'}</dd>
        </div>
        <div>
          <dt>Lines left out</dt>
          <dd>{count(told.bad)}</dd>
        </div>
        <div>
          <dt>Remaining</dt>
          <dd>{left}</dd>
        </div>
      </dl>
      <div className={classes.runBar}>
        <Button onClick={onStop} loading={stopping}>
          Stop the import
        </Button>
        <span className={classes.quiet}>
          Until the rows are stored, stopping leaves everything as it was before.
        </span>
      </div>
    </div>
  );
}

/** A calm estimate: changes once a second at most. */
function useRemaining(share: number, startedAt: number): string {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(performance.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  const seconds = (now - startedAt) / 1000;
  if (share >= 1) return 'nearly done';
  if (seconds < 1 || share < 0.01) return '–';
  return `about ${duration((seconds / share) * (1 - share))}`;
}

export function ResultStep({
  result,
  tooLate,
  panel,
  onAgain,
  onLeave,
}: {
  result: Import;
  /** It was to be stopped. */
  tooLate: boolean;
  panel: Panel;
  onAgain: () => void;
  onLeave: () => void;
}) {
  const took = result.ended_at ? (Date.parse(result.ended_at) - Date.parse(result.started_at)) / 1000 : null;
  return (
    <div className={classes.run}>
      <p className={classes.runTitle} role="status">
        <CircleCheck size={18} color="var(--wh-ok)" aria-hidden /> {plural(result.rows, 'row')}{' '}
        {result.mode === 'append' ? 'appended to' : 'imported into'} {panel.title}
      </p>
      <dl className={classes.facts}>
        <div>
          <dt>Read</dt>
          <dd>{bytes(result.bytes)}</dd>
        </div>
        {took === null ? null : (
          <div>
            <dt>Took</dt>
            <dd>{duration(took)}</dd>
          </div>
        )}
        <div>
          <dt>Lines left out</dt>
          <dd>{count(result.bad_lines)}</dd>
        </div>
      </dl>
      {tooLate ? (
        <div className={classes.block}>
          <Note state="warn">The stop came too late: these rows were stored already.</Note>
        </div>
      ) : null}
      {result.unknown_keys.length > 0 ? (
        <div className={classes.block}>
          <Note state="warn">{unknownKeys(result)}</Note>
        </div>
      ) : null}
      {result.bad_lines > 0 ? (
        <p className={classes.line}>
          {plural(result.bad_lines, 'line')} could not be read. {keptLines(result)}{' '}
          {result.bad_lines_kept > 0 ? (
            <Anchor href={badLinesAddress(result)} download>
              <Download size={13} aria-hidden /> Download them as CSV
            </Anchor>
          ) : null}
        </p>
      ) : null}
      <div className={classes.runBar}>
        <Button component={Link} to={`/panels/${panel.id}`} variant="filled" autoFocus>
          Open the panel
        </Button>
        <Button onClick={onAgain}>Import another file</Button>
        <Button variant="subtle" color="gray" onClick={onLeave}>
          Close
        </Button>
      </div>
    </div>
  );
}
