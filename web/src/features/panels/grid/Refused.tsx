// Stands where the rows would be while the view asks for something that cannot be answered: no other rows are shown instead.
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Trash2, TriangleAlert } from 'lucide-react';
import { Empty } from '@/ui/List';
import { Page } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';
import classes from './PanelPage.module.css';
import type { Refusal } from './view';

export function Refused({
  refusals,
  onDrop,
  onEdit,
}: {
  refusals: readonly Refusal[];
  /** Takes out what cannot be applied. */
  onDrop: () => void;
  onEdit: (() => void) | null;
}) {
  return (
    <section className={classes.refused} aria-label="Why no rows are shown">
      <TriangleAlert size={28} aria-hidden className={classes.refusedIcon} />
      <div role="alert">
        <h2 className={classes.refusedTitle}>These rows cannot be shown as asked for</h2>
        <ul className={classes.refusedList}>
          {refusals.map(({ what, why }) => (
            <li key={`${what} ${why}`}>
              <b>{what}</b>: {why}.
            </li>
          ))}
        </ul>
        <p className={classes.refusedHint}>
          Other rows would pass for the answer, so none are shown until this is taken out or corrected.
        </p>
      </div>
      <div className={classes.refusedActs}>
        <Button variant="filled" onClick={onDrop}>
          Take out and show the rows
        </Button>
        {onEdit ? <Button onClick={onEdit}>Correct the filter</Button> : null}
      </div>
    </section>
  );
}

/** The same for what the server refused. */
export function RefusedByServer({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <section className={classes.refused} aria-label="Why no rows are shown">
      <ProblemNote error={error} onRetry={onRetry} />
    </section>
  );
}

/** Somebody deleted the panel while it was looked at. */
export function Gone({ title }: { title: string }) {
  return (
    <Page title={title}>
      <div role="alert">
        <Empty
          icon={<Trash2 size={28} />}
          title="This panel is not there any more"
          action={
            <Button component={Link} to="/panels" variant="filled">
              Go to panels
            </Button>
          }
        >
          {title} was deleted with its rows and its past imports, or you act in another company now.
        </Empty>
      </div>
    </Page>
  );
}
