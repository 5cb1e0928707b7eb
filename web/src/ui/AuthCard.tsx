// The page of someone who is not inside yet: one card, one job.
import type { ReactNode } from 'react';
import classes from './AuthCard.module.css';
import { Mark } from './Mark';
import { usePageTitle } from './Page';

export function AuthCard({
  title,
  about,
  children,
}: {
  title: string;
  about?: ReactNode;
  children: ReactNode;
}) {
  usePageTitle(title);
  return (
    <main className={classes.page}>
      <div className={classes.card}>
        <div className={classes.mark}>
          <Mark size={28} />
          <span>Wheelhouse</span>
        </div>
        <h1 className={classes.title}>{title}</h1>
        {about ? <p className={classes.about}>{about}</p> : null}
        {children}
      </div>
    </main>
  );
}
