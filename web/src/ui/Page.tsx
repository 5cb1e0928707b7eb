// The frame of a page: what it is, what can be done, and its content.
import type { ReactNode } from 'react';
import { useEffect } from 'react';
import classes from './Page.module.css';

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Wheelhouse`;
  }, [title]);
}

export function Page({
  title,
  about,
  actions,
  width = 'list',
  children,
}: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  width?: 'list' | 'form' | 'wide';
  children: ReactNode;
}) {
  usePageTitle(title);
  return (
    <div className={classes.page} data-width={width}>
      <header className={classes.header}>
        <div className={classes.words}>
          <h1 className={classes.title}>{title}</h1>
          {about ? <p className={classes.about}>{about}</p> : null}
        </div>
        {actions ? <div className={classes.actions}>{actions}</div> : null}
      </header>
      {children}
    </div>
  );
}

export function Section({
  title,
  about,
  actions,
  children,
}: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className={classes.section} aria-label={title}>
      <header className={classes.header}>
        <div className={classes.words}>
          <h2 className={classes.subtitle}>{title}</h2>
          {about ? <p className={classes.about}>{about}</p> : null}
        </div>
        {actions ? <div className={classes.actions}>{actions}</div> : null}
      </header>
      {children}
    </section>
  );
}
