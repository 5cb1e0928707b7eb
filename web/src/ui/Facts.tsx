// Facts of one thing: a word, its value, and a way to copy the value.
import type { ReactNode } from 'react';
import { CopyButton } from './CopyButton';
import classes from './Facts.module.css';

export interface Fact {
  name: string;
  /** Stands before the name. */
  icon?: ReactNode;
  /** Stands behind the name, quieter. */
  kind?: string;
  value: ReactNode;
  /** What is copied; nothing can be copied without it. */
  text?: string | undefined;
  mono?: boolean;
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className={classes.facts}>
      {facts.map(({ name, icon, kind, value, text, mono }) => (
        <div key={name} className={classes.fact}>
          <dt className={classes.name}>
            {icon}
            <span className={classes.word}>{name}</span>
            {kind ? <span className={classes.kind}>{kind}</span> : null}
          </dt>
          <dd className={classes.value}>
            <div className={mono ? 'mono' : undefined}>{value}</div>
            {text === undefined ? null : (
              <span className={classes.copy}>
                <CopyButton text={text} label={`Copy ${name}`} />
              </span>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
