// What failed, why, and what to quote when asking for help: the code and the request id, with a copy button.
import { Button } from '@mantine/core';
import { CircleAlert, RotateCw } from 'lucide-react';
import { asProblem, type Problem } from '@/api/problem';
import { advice } from './advice';
import { CopyButton } from './CopyButton';
import classes from './ProblemNote.module.css';

/** Whether the same request may succeed later: what was refused for its content stays refused. */
const mayPass = (status: number) => status === 0 || status === 408 || status === 429 || status >= 500;

export function ProblemNote({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const problem = asProblem(error);
  const hint = advice(problem);
  return (
    <div className={classes.note} role="alert">
      <CircleAlert size={16} className={classes.icon} aria-hidden />
      <div className={classes.body}>
        <p className={classes.title}>{sentence(problem.title)}</p>
        {problem.detail && problem.detail !== problem.title ? <p>{sentence(problem.detail)}</p> : null}
        {problem.fields.length > 0 ? (
          <ul className={classes.fields}>
            {problem.fields.map((field) => (
              <li key={field.pointer}>
                <span className="mono">{field.pointer}</span> {field.detail}
              </li>
            ))}
          </ul>
        ) : null}
        {hint ? <p className={classes.hint}>{hint}</p> : null}
        <p className={classes.facts}>
          <span className="mono">{problem.code}</span>
          {problem.requestId ? (
            <span>
              request <span className="mono">{problem.requestId}</span>
            </span>
          ) : null}
          <CopyQuote problem={problem} />
        </p>
      </div>
      {onRetry && mayPass(problem.status) ? (
        <Button leftSection={<RotateCw size={14} />} onClick={onRetry}>
          Try again
        </Button>
      ) : null}
    </div>
  );
}

/** What to quote when asking for help. */
export function CopyQuote({ problem: { code, requestId } }: { problem: Problem }) {
  return <CopyButton text={requestId ? `${code} ${requestId}` : code} label="Copy code and request id" />;
}

/** The API's messages are lower case without a full stop; on a page they are sentences. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return '';
  const first = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?)]$/.test(first) ? first : `${first}.`;
}
