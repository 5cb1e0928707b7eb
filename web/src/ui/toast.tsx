// Short messages at the corner: what was done, or what failed with its code.
import { notifications } from '@mantine/notifications';
import { asProblem } from '@/api/problem';
import { advice } from './advice';
import { CopyQuote, sentence } from './ProblemNote';

const DONE = 'done';
const FAILED_FOR_MS = 12_000;
/** The cross has no text of its own. */
const CROSS = { 'aria-label': 'Close this message' };

export function showDone(title: string, message = ''): void {
  // One at a time: what was done last is what counts.
  notifications.hide(DONE);
  notifications.show({ id: DONE, color: 'teal', title, message, closeButtonProps: CROSS });
}

export function showProblem(error: unknown): void {
  const problem = asProblem(error);
  notifications.show({
    color: 'red',
    title: sentence(problem.title),
    autoClose: FAILED_FOR_MS,
    closeButtonProps: CROSS,
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
