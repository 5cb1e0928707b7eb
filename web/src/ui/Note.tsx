// A short message in a state's colour, always with its icon; and the small state badge of lists.
import { CircleCheck, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import classes from './Note.module.css';

const ICONS = { ok: CircleCheck, info: Info, warn: TriangleAlert } as const;

export function Note({
  state,
  children,
  action,
}: {
  state: keyof typeof ICONS;
  children: ReactNode;
  action?: ReactNode;
}) {
  const Icon = ICONS[state];
  return (
    <div className={classes.note} data-state={state} role={state === 'warn' ? 'alert' : 'status'}>
      <Icon size={16} className={classes.icon} aria-hidden />
      <div className={classes.body}>{children}</div>
      {action}
    </div>
  );
}

export function Tag({
  state = 'plain',
  children,
}: {
  state?: 'plain' | 'ok' | 'accent' | 'warn';
  children: ReactNode;
}) {
  return (
    <span className={classes.tag} data-state={state}>
      {children}
    </span>
  );
}
