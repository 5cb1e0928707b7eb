// What a form in a dialog ends with: what was wrong with it, the way back and the way on.
import { Button, Group } from '@mantine/core';
import { ProblemNote } from './ProblemNote';

interface DialogFootProps {
  /** What the server said of the last try. */
  error: unknown;
  /** A try is under way. */
  busy: boolean;
  /** What it makes is shown this once: nobody leaves while it is made. */
  once?: boolean;
  onClose: () => void;
  /** What the form does, in the words of its button. */
  action: string;
}

export function DialogFoot({ error, busy, once = false, onClose, action }: DialogFootProps) {
  return (
    <>
      {error ? <ProblemNote error={error} /> : null}
      <Group justify="flex-end" gap="xs" mt="xs">
        <Button onClick={onClose} disabled={busy && once}>
          Cancel
        </Button>
        <Button type="submit" variant="filled" loading={busy}>
          {action}
        </Button>
      </Group>
    </>
  );
}
