// A dialog that is there only while it is open. What is mounted open does not know where the focus was: this does, and leads it back.
// What was typed into it is lost by nothing but a button that says so.
import { Button, Modal, type ModalProps } from '@mantine/core';
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import classes from './Dialog.module.css';
import { useEscapeFrom } from './popover';

type Tell = (value: boolean) => void;
const Sending = createContext<Tell | null>(null);
const Unsaved = createContext<Tell | null>(null);

export function Dialog({
  children,
  onClose,
  closeOnClickOutside = true,
  closeOnEscape = true,
  ...rest
}: Omit<ModalProps, 'opened'>) {
  useFocusBack();
  const [sending, setSending] = useState(false);
  const [unsaved, setUnsaved] = useState(false);
  const { leave, question } = useLeaving(unsaved && !sending, onClose);
  return (
    <Sending value={setSending}>
      <Unsaved value={setUnsaved}>
        <Modal
          {...rest}
          opened
          onClose={sending ? () => undefined : leave}
          closeOnClickOutside={closeOnClickOutside && !unsaved}
          // The question takes the key for itself.
          closeOnEscape={closeOnEscape && question === null}
        >
          {children}
          {question}
        </Modal>
      </Unsaved>
    </Sending>
  );
}

/**
 * What Esc and the cross of a form do: they lead out where nothing is lost by it, otherwise they ask first. A press
 * beside the form is no answer: whoever calls this lets it do nothing while there is something to lose.
 */
export function useLeaving(
  unsaved: boolean,
  onLeave: () => void,
): { leave: () => void; question: ReactNode | null } {
  const [asked, setAsked] = useState(false);
  // What was taken back meanwhile needs no answer.
  if (asked && !unsaved) setAsked(false);
  return {
    leave: () => (unsaved ? setAsked(true) : onLeave()),
    question: asked && unsaved ? <Question onKeep={() => setAsked(false)} onDiscard={onLeave} /> : null,
  };
}

/** Esc keeps what was typed, as it does in every question. */
function Question({ onKeep, onDiscard }: { onKeep: () => void; onDiscard: () => void }) {
  const words = useId();
  const keep = useRef<HTMLButtonElement>(null);
  const [from] = useState(() => document.activeElement);
  useEffect(() => {
    keep.current?.focus();
    return () => {
      // Back to the field; not where the whole form went with its question.
      if (document.activeElement === document.body && from instanceof HTMLElement && from.isConnected)
        from.focus();
    };
  }, [from]);
  useEscapeFrom(true, () => true, onKeep);
  return (
    <div role="alertdialog" aria-labelledby={words} className={classes.question}>
      <p id={words} className={classes.words}>
        Discard what you typed?
      </p>
      <Button ref={keep} onClick={onKeep}>
        Keep editing
      </Button>
      <Button variant="filled" color="red" onClick={onDiscard}>
        Discard
      </Button>
    </div>
  );
}

/** What a form sends may come back with something that is shown once: a key or a press beside does not close its dialog meanwhile. */
export function useStayOpen(sending: boolean): void {
  useTell(useContext(Sending), sending);
}

/** A form holds what was typed and not sent: its dialog does not close over it. */
export function useUnsaved(unsaved: boolean): void {
  useTell(useContext(Unsaved), unsaved);
}

function useTell(tell: Tell | null, value: boolean): void {
  // Before the next key: Esc right behind the last letter must find what was typed.
  useLayoutEffect(() => {
    tell?.(value);
    return () => tell?.(false);
  }, [tell, value]);
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
