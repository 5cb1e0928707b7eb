// What an operation answered: its status, how long it took, and its data, to read, copy or save.
import { Button } from '@mantine/core';
import { CircleCheck, Copy, Download, RotateCcw, Terminal } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { copyText } from '@/lib/clipboard';
import { plural } from '@/lib/format';
import { writeExact } from '@/lib/json';
import { showDone } from '@/ui/toast';
import type { Operation } from './operations';
import classes from './Palette.module.css';
import { type Answered, asCurl, type Prepared } from './send';

/** More text than this is a file, not an answer to read. */
const SHOWN_CHARS_MAX = 60_000;

export function Answer({
  operation,
  request,
  answer,
  onAgain,
}: {
  operation: Operation;
  request: Prepared;
  answer: Answered;
  onAgain: () => void;
}) {
  const shown = useRef<HTMLDivElement>(null);
  useEffect(() => shown.current?.focus(), []);
  const text =
    answer.data === undefined
      ? ''
      : typeof answer.data === 'string'
        ? answer.data
        : writeExact(answer.data, 2);
  const copy = async (what: string, said: string) => {
    if (await copyText(what)) showDone(said);
  };
  const items = itemsOf(answer.data);
  return (
    <>
      <div className={classes.body} ref={shown} tabIndex={-1} style={{ outline: 'none' }}>
        <p className={classes.state} role="status">
          <CircleCheck size={16} color="var(--wh-ok)" aria-hidden />
          <b>Done</b>
          <span>{answer.status}</span>
          <span>{Math.max(1, Math.round(answer.tookMs))} ms</span>
          {items === null ? null : <span>{plural(items, 'item')}</span>}
          {answer.requestId ? <span className="mono">{answer.requestId}</span> : null}
        </p>
        {text === '' ? (
          <p className={classes.about}>It answers nothing more.</p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          <section className={classes.answer} tabIndex={0} aria-label="Answer">
            <pre className="mono">{text.slice(0, SHOWN_CHARS_MAX)}</pre>
          </section>
        )}
        {text.length > SHOWN_CHARS_MAX ? (
          <p className={classes.about}>The rest is not shown; copy it, or save it.</p>
        ) : null}
      </div>
      <div className={classes.foot}>
        <Button
          leftSection={<Terminal size={14} />}
          onClick={() => void copy(asCurl(request), 'curl command copied')}
        >
          Copy as curl
        </Button>
        {text ? (
          <Button leftSection={<Copy size={14} />} onClick={() => void copy(text, 'Answer copied')}>
            Copy answer
          </Button>
        ) : null}
        {request.method === 'GET' && text ? (
          <Button
            component="a"
            href={request.path}
            download={`${operation.id}.${/csv/.test(answer.type) ? 'csv' : 'json'}`}
            leftSection={<Download size={14} />}
          >
            Save
          </Button>
        ) : null}
        <Button leftSection={<RotateCcw size={14} />} onClick={onAgain}>
          Again
        </Button>
      </div>
    </>
  );
}

function itemsOf(data: unknown): number | null {
  const items = typeof data === 'object' && data !== null ? (data as { items?: unknown }).items : undefined;
  return Array.isArray(items) ? items.length : null;
}
