// Short messages at the corner: what was done goes by itself; what failed stays, with its code, until it is dismissed or asked for again.
import { type NotificationData, Notifications, notifications } from '@mantine/notifications';
import { asProblem } from '@/api/problem';
import { advice } from './advice';
import { CopyQuote, sentence } from './ProblemNote';

const DONE = 'done';
const DONE_FOR_MS = 4_000;
/** Of more than these the last ones are seen; the others come back as those are dismissed. */
const SEEN_MAX = 3;
/** No message on a narrow screen is taller: what is longer than this is cut. */
const HEIGHT_PX_MAX = 480;
/** The cross has no text of its own. */
const CROSS = { 'aria-label': 'Close this message' };

/** The message of each thing that has one. */
const shown = new Map<string, string>();
let told = 0;

/** Where the messages stand; once per page. */
export function Messages() {
  return <Notifications position="bottom-right" limit={SEEN_MAX} notificationMaxHeight={HEIGHT_PX_MAX} />;
}

/** One message for each thing: what is said of it last is what counts. */
function show(thing: string, data: NotificationData): string {
  hide(thing);
  told += 1;
  const onClose = ({ id }: NotificationData) => {
    if (shown.get(thing) === id) shown.delete(thing);
  };
  const id = notifications.show({ ...data, priority: told, closeButtonProps: CROSS, onClose });
  shown.set(thing, id);
  return id;
}

function hide(thing: string): void {
  const id = shown.get(thing);
  if (id !== undefined) notifications.hide(id);
}

export function showDone(title: string, message = ''): void {
  const data = { color: 'teal', title, message };
  const id: string = show(DONE, {
    ...data,
    autoClose: DONE_FOR_MS,
    // The pointer holds it by itself; whoever is in it by keyboard is not to lose it either.
    onFocusCapture: () => notifications.update({ ...data, id, autoClose: false }),
    onBlurCapture: () => notifications.update({ ...data, id, autoClose: DONE_FOR_MS }),
  });
}

/** `what` was asked for, and failed: the name under which it is taken back. */
export function showProblem(what: string, error: unknown): void {
  const problem = asProblem(error);
  show(`failed: ${what}`, {
    color: 'red',
    title: sentence(problem.title),
    autoClose: false,
    message: (
      <>
        {sentence(problem.detail)} {advice(problem)}{' '}
        <span className="mono">
          {problem.code} {problem.requestId ?? ''}
        </span>{' '}
        <CopyQuote problem={problem} />
      </>
    ),
  });
}

/** The same is asked for again: that it failed before says nothing any more. */
export function forgetProblem(what: string): void {
  hide(`failed: ${what}`);
}

/** Somebody else is here, or the same person elsewhere: what failed before is not theirs. */
export function forgetProblems(): void {
  for (const thing of [...shown.keys()]) if (thing !== DONE) hide(thing);
}

/** Does what a person asked for; whether it was done. What fails is said, and taken back when `what` is asked for again. */
export async function attempt(what: string, run: () => Promise<unknown>): Promise<boolean> {
  forgetProblem(what);
  try {
    await run();
    return true;
  } catch (error) {
    showProblem(what, error);
    return false;
  }
}
