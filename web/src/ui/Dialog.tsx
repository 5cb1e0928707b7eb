// A dialog that is there only while it is open. What is mounted open does not know where the focus was: this does, and leads it back.
import { Modal, type ModalProps } from '@mantine/core';
import { createContext, useContext, useEffect, useState } from 'react';

const Sending = createContext<((sending: boolean) => void) | null>(null);

export function Dialog(props: Omit<ModalProps, 'opened'>) {
  useFocusBack();
  const [sending, setSending] = useState(false);
  return (
    <Sending value={setSending}>
      <Modal {...props} opened onClose={sending ? () => undefined : props.onClose} />
    </Sending>
  );
}

/** What a form sends may come back with something that is shown once: a key or a press beside does not close its dialog meanwhile. */
export function useStayOpen(sending: boolean): void {
  const tell = useContext(Sending);
  useEffect(() => {
    tell?.(sending);
    return () => tell?.(false);
  }, [tell, sending]);
}

/** Call in what takes the focus while it is there: once gone, the focus is back where it came from. */
export function useFocusBack(): void {
  const [from] = useState(origin);
  useEffect(
    () => () => {
      // Whoever took the focus meanwhile keeps it.
      if (from === null || document.activeElement !== document.body) return;
      const to = from.isConnected ? from : document.getElementById('content');
      to?.focus({ preventScroll: true });
    },
    [from],
  );
}

/** What has the focus now. An item of a menu is gone with the menu: its button stands for it. */
function origin(): HTMLElement | null {
  const at = document.activeElement;
  if (!(at instanceof HTMLElement) || at === document.body) return null;
  const button = at.closest('[role="menu"]')?.getAttribute('aria-labelledby');
  return (button ? document.getElementById(button) : null) ?? at;
}
