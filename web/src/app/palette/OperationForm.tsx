// One operation: its form made from the spec, the question before danger, its progress, and its answer.
import { ActionIcon, Button, Progress, TextInput, Tooltip } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { ArrowLeft, Terminal } from 'lucide-react';
import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react';
import { type Me, meQuery, useMe } from '@/api/identity';
import { asProblem } from '@/api/problem';
import { copyText } from '@/lib/clipboard';
import { useLeaving } from '@/ui/Dialog';
import { ProblemNote } from '@/ui/ProblemNote';
import { showDone } from '@/ui/toast';
import { useBecome } from '../session';
import { Answer } from './Answer';
import { useLost } from './danger';
import { Fields, type Inputs } from './inputs';
import type { Operation } from './operations';
import classes from './Palette.module.css';
import type { Picked } from './picks';
import { differs, type Errors, type Field, starting, type Typed } from './schema';
import { type Answered, asCurl, type Prepared, prepare, type Sending, send } from './send';

type Stage =
  | { at: 'form'; error?: unknown }
  | { at: 'sure'; request: Prepared }
  | { at: 'sending'; request: Prepared; share: number | null }
  | { at: 'done'; request: Prepared; answer: Answered };

export function OperationForm({
  operation,
  operations,
  onBack,
  onHold,
  step,
}: {
  operation: Operation;
  operations: readonly Operation[];
  onBack: () => void;
  /** Told whether there is something that a press beside the palette must not take away. */
  onHold: (held: boolean) => void;
  /** Set to what Esc does now. */
  step: RefObject<() => void>;
}) {
  const inside = useRef<HTMLDivElement>(null);
  const form = useFormState(operation, operations);
  const run = useRun(operation);
  const { stage } = run;
  const { leave, question } = useLeaving(form.unsaved && stage.at === 'form', onBack);
  const stepBack = stage.at === 'form' ? leave : stage.at === 'sending' ? () => undefined : run.reset;
  useEffect(() => {
    step.current = stepBack;
  });
  // What a change answered may be shown only once: a key, a link.
  const held = form.unsaved || stage.at === 'sending' || (stage.at === 'done' && operation.risk !== 'read');
  useEffect(() => {
    onHold(held);
    return () => onHold(false);
  }, [onHold, held]);
  useEffect(() => {
    if (stage.at !== 'form' && stage.at !== 'sure') return;
    (firstField(inside.current) ?? inside.current)?.focus();
  }, [stage.at]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (stage.at === 'sending') return;
    const prepared = prepare(operation, form.inputs.typed, form.inputs.file);
    form.setErrors(prepared.errors ?? {});
    if (prepared.errors) return focusFirstError();
    if (operation.risk === 'danger') run.ask(prepared.request);
    else void run.start(prepared.request, form);
  };
  const copy = async () => {
    const prepared = prepare(operation, form.inputs.typed, form.inputs.file);
    form.setErrors(prepared.errors ?? {});
    if (prepared.errors) return focusFirstError();
    if (await copyText(asCurl(prepared.request))) showDone('curl command copied');
  };
  const onKeyDown = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key !== 'Enter' || !(event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    event.currentTarget.requestSubmit();
  };
  return (
    <div ref={inside} className={classes.form} tabIndex={-1}>
      <Head operation={operation} onBack={stepBack} />
      {stage.at === 'sure' ? (
        <Sure
          operation={operation}
          operations={operations}
          typed={form.inputs.typed}
          picked={form.picked}
          request={stage.request}
          onKeep={run.reset}
          onGo={() => void run.start(stage.request, form)}
        />
      ) : stage.at === 'done' ? (
        <Answer operation={operation} request={stage.request} answer={stage.answer} onAgain={run.reset} />
      ) : (
        <form className={classes.form} onSubmit={submit} onKeyDown={onKeyDown} noValidate>
          <div className={classes.body}>
            {operation.about ? <p className={classes.about}>{operation.about}</p> : null}
            <AllFields operation={operation} inputs={form.inputs} />
            {stage.at === 'form' && stage.error ? (
              <div style={{ marginTop: 12 }}>
                <ProblemNote error={stage.error} />
              </div>
            ) : null}
          </div>
          <div className={classes.foot}>
            <Button leftSection={<Terminal size={14} />} onClick={() => void copy()}>
              Copy as curl
            </Button>
            {stage.at === 'sending' ? (
              <>
                {stage.share === null ? null : (
                  <Progress value={stage.share * 100} w={140} aria-label="Sent" />
                )}
                <Button onClick={run.stop}>Stop</Button>
              </>
            ) : null}
            <Button
              type="submit"
              variant="filled"
              loading={stage.at === 'sending'}
              {...(operation.risk === 'danger' ? { color: 'red' } : {})}
            >
              {operation.risk === 'danger' ? 'Go on…' : 'Run'}
            </Button>
          </div>
        </form>
      )}
      {question ? <div className={classes.note}>{question}</div> : null}
    </div>
  );
}

/** Where to go on: what is wrong, what is empty, what there is, the button. */
function firstField(inside: HTMLElement | null): HTMLElement | undefined {
  const all = inside?.querySelectorAll<HTMLInputElement>('input:not([type=hidden]), textarea') ?? [];
  // What is folded away has a box all the same, and cannot take the focus.
  const fields = [...all].filter((one) => one.checkVisibility() && !one.closest('details:not([open])'));
  const wrong = fields.find((one) => one.getAttribute('aria-invalid') === 'true');
  const empty = fields.find((one) => one.value === '');
  return wrong ?? empty ?? fields[0] ?? inside?.querySelector<HTMLElement>('[type=submit]') ?? undefined;
}

function Head({ operation, onBack }: { operation: Operation; onBack: () => void }) {
  return (
    <header className={classes.head}>
      <Tooltip label="Back  Esc">
        <ActionIcon aria-label="Back" onClick={onBack}>
          <ArrowLeft size={16} />
        </ActionIcon>
      </Tooltip>
      <div className={classes.words}>
        <h2 className={classes.title}>{operation.summary}</h2>
        <p className={`${classes.path} mono`}>
          {operation.method} {operation.path}
        </p>
      </div>
    </header>
  );
}

const bodyFields = ({ body }: Operation): readonly Field[] =>
  body.kind === 'json' ? body.fields : body.kind === 'file' ? [body.field] : [];

/** What must be given, then what may be; many optional ones are folded. */
function AllFields({ operation, inputs }: { operation: Operation; inputs: Inputs }) {
  const fields = [...operation.parameters, ...bodyFields(operation)];
  const must = fields.filter((field) => field.required);
  const may = fields.filter((field) => !field.required);
  if (fields.length === 0) return <p className={classes.about}>It needs nothing to be filled in.</p>;
  const folded = must.length > 0 && may.length > 2;
  return (
    <div className={classes.fields}>
      {must.length > 0 ? <Fields fields={must} inputs={inputs} /> : null}
      {may.length === 0 ? null : folded ? (
        <Folded fields={may} inputs={inputs} />
      ) : (
        <Fields fields={may} inputs={inputs} />
      )}
    </div>
  );
}

/** Opens by itself where something is wrong inside, and stays as it was left. */
function Folded({ fields, inputs }: { fields: readonly Field[]; inputs: Inputs }) {
  const [open, setOpen] = useState(false);
  const wrong = fields.some(({ at }) => inputs.errors[at] !== undefined);
  return (
    <details
      className={classes.more}
      open={open || wrong}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>{fields.length} optional fields</summary>
      <Fields fields={fields} inputs={inputs} />
    </details>
  );
}

function useFormState(operation: Operation, operations: readonly Operation[]) {
  const { id: panel } = useParams({ strict: false }) as { id?: string };
  const [typed, setTyped] = useState<Typed>(() => {
    const fields = [...operation.parameters, ...bodyFields(operation)];
    const here = fields.find((field) => field.id === 'PanelId');
    // What is on screen is meant, unless said otherwise.
    return { ...starting(fields), ...(panel && here ? { [here.at]: panel } : {}) };
  });
  const [errors, setErrors] = useState<Errors>({});
  const [file, setFile] = useState<File | null>(null);
  const [picked, setPicked] = useState<Record<string, Picked>>({});
  const [saved, setSaved] = useState({ typed, file });
  const inputs: Inputs = {
    typed,
    errors,
    file,
    operation,
    operations,
    picked,
    set: (at, value) => {
      // What was chosen among things of something else is not meant any more.
      const gone = Object.fromEntries(belonging(operation, at).map((inner) => [inner, '']));
      setTyped((old) => ({ ...old, [at]: value, ...(old[at] === value ? {} : gone) }));
      setErrors(({ [at]: _, ...rest }) => rest);
    },
    setFile: (chosen) => {
      setFile(chosen);
      setErrors(({ file: _, ...rest }) => rest);
    },
    onPicked: (at, one) => setPicked((old) => ({ ...old, [at]: one })),
  };
  const last = pathFields(operation).at(-1);
  const own = last && picked[last.at];
  return {
    inputs,
    setErrors,
    /** What it is about, if it was chosen from a list. */
    picked: last && own?.value === typed[last.at] ? own : undefined,
    unsaved: file !== saved.file || differs(typed, saved.typed),
    /** What stands in the form now was carried out. */
    keep: () => setSaved({ typed, file }),
  };
}

/** The fields of the path in its order: each belongs to those before it. */
const pathFields = ({ path, parameters }: Operation): Field[] =>
  [...path.matchAll(/\{(\w+)\}/g)].flatMap(
    ([, name]) => parameters.find(({ at }) => at === `path/${name}`) ?? [],
  );

/** The places of what belongs to what stands there. */
function belonging(operation: Operation, at: string): string[] {
  const places = pathFields(operation).map((field) => field.at);
  return places.includes(at) ? places.slice(places.indexOf(at) + 1) : [];
}

function focusFirstError(): void {
  window.setTimeout(() => {
    document.querySelector<HTMLElement>('[role="dialog"] [aria-invalid="true"]')?.focus();
  });
}

/** The server's words about a field stand beside it. */
function fieldErrors(error: unknown, operation: Operation): Errors {
  const fields = [...operation.parameters, ...bodyFields(operation)];
  const errors: Record<string, string> = {};
  for (const { pointer, detail } of asProblem(error).fields) {
    const name = pointer.replace(/^#?\//, '');
    const field = fields.find(
      ({ at }) => at === `body/${name}` || at === `query/${name}` || at === `path/${name}`,
    );
    if (field) errors[field.at] = detail;
  }
  return errors;
}

function isMe(data: unknown): data is Me {
  return (
    typeof data === 'object' && data !== null && 'tenant' in data && 'permissions' in data && 'user' in data
  );
}

function useRun(operation: Operation) {
  const [stage, setStage] = useState<Stage>({ at: 'form' });
  const sending = useRef<Sending | null>(null);
  // One intent, one key: what has no answer is sent again with it, what was done is not asked for with it again.
  const key = useRef<string>(crypto.randomUUID());
  const cache = useQueryClient();
  const me = useMe();
  const become = useBecome();
  useEffect(() => () => sending.current?.stop(), []);
  const start = async (request: Prepared, form: ReturnType<typeof useFormState>) => {
    if (sending.current) return;
    setStage({ at: 'sending', request, share: null });
    const progress = (share: number) =>
      request.file && setStage((now) => (now.at === 'sending' ? { ...now, share } : now));
    sending.current = send(request, operation.once ? key.current : null, progress);
    try {
      const answer = await sending.current.done;
      sending.current = null;
      key.current = crypto.randomUUID();
      form.keep();
      setStage({ at: 'done', request, answer });
      if (operation.risk === 'read') return;
      const { data } = answer;
      if (isMe(data) && (data.user.id !== me.user.id || data.tenant.id !== me.tenant.id)) await become(data);
      else if (isMe(data)) cache.setQueryData(meQuery.queryKey, data);
      await cache.invalidateQueries();
    } catch (error) {
      const beside = fieldErrors(error, operation);
      form.setErrors(beside);
      setStage({ at: 'form', error });
      if (Object.keys(beside).length > 0) focusFirstError();
      sending.current = null;
    }
  };
  return {
    stage,
    start,
    ask: (request: Prepared) => setStage({ at: 'sure', request }),
    reset: () => setStage({ at: 'form' }),
    stop: () => sending.current?.stop(),
  };
}

/** Danger is quiet and exact: what it is about, in its own words, and its name typed before it goes. */
function Sure({
  operation,
  operations,
  typed,
  picked,
  request,
  onKeep,
  onGo,
}: {
  operation: Operation;
  operations: readonly Operation[];
  typed: Typed;
  picked: Picked | undefined;
  request: Prepared;
  onKeep: () => void;
  onGo: () => void;
}) {
  const [text, setText] = useState('');
  const lost = useLost(operation, operations, request, { typed, picked });
  // What is typed while the facts are on the way counts, but nothing goes before they are seen.
  const ready = !lost.pending && text.trim() === lost.name.trim();
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) onGo();
      }}
    >
      <div className={classes.body}>
        <p className={classes.about} style={{ marginBottom: 4 }}>
          {operation.summary}: <b>{lost.name}</b>. There is no undo.
        </p>
        {lost.facts}
        <TextInput
          label={
            <>
              Type <b>{lost.name}</b> to confirm
            </>
          }
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          autoComplete="off"
        />
      </div>
      <div className={classes.foot}>
        <Button onClick={onKeep}>Keep</Button>
        <Button type="submit" variant="filled" color="red" disabled={!ready}>
          {operation.summary.split(' ')[0]}
        </Button>
      </div>
    </form>
  );
}
