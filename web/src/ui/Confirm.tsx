// Asks before something is lost for good: names what and how much, wants the name typed where no undo exists.
import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { Dialog } from './Dialog';
import { ProblemNote } from './ProblemNote';

export function Confirm({
  title,
  children,
  action,
  typed,
  onConfirm,
  onClose,
}: {
  title: string;
  /** What will be lost, exactly. */
  children: ReactNode;
  /** The word on the button. */
  action: string;
  /** When set, this must be typed first. */
  typed?: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ready = typed === undefined || text.trim() === typed.trim();
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  };
  return (
    <Dialog
      onClose={busy ? () => undefined : onClose}
      title={title}
      size={460}
      // Esc asks nothing here: the name stands on the screen, and out of danger leads the short way.
      closeOnClickOutside={text === ''}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void confirm();
        }}
      >
        <Stack gap="sm">
          <Text component="div">{children}</Text>
          {typed === undefined ? null : (
            <TextInput
              label={
                <>
                  Type <b>{typed}</b> to confirm
                </>
              }
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              data-autofocus
              autoComplete="off"
            />
          )}
          {error ? <ProblemNote error={error} /> : null}
          <Group justify="flex-end" gap="xs" mt="xs">
            <Button
              onClick={onClose}
              disabled={busy}
              {...(typed === undefined ? { 'data-autofocus': true } : {})}
            >
              Keep
            </Button>
            <Button type="submit" variant="filled" color="red" loading={busy} disabled={!ready}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
