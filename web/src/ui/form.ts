// What all forms share: sends with the submit key, puts the server's field errors beside their fields, loses nothing.
import type { UseFormReturnType } from '@mantine/form';
import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { asProblem } from '@/api/problem';
import { useStayOpen, useUnsaved } from './Dialog';
import { sentence } from './ProblemNote';

/**
 * Runs a form's action; what fails stands beside its field where the server named one, otherwise in `error`. Called by a
 * component inside the dialog, it keeps the dialog open over what is being sent or is not sent yet.
 */
export function useSend<V extends object>(
  form: UseFormReturnType<V>,
  send: (values: V) => Promise<unknown>,
): { error: unknown; busy: boolean; submit: (event?: FormEvent<HTMLFormElement>) => void; keys: SendKeys } {
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useStayOpen(busy);
  useUnsaved(form.isDirty());
  const failed = useRef<string | null>(null);
  const sending = useRef(false);
  useEffect(() => {
    // After the fields are free again: where the person is needed is where the focus goes.
    if (busy || failed.current === null) return;
    form.getInputNode(failed.current as never)?.focus();
    failed.current = null;
  });
  const submit = form.onSubmit(
    async (values) => {
      // The keys send as often as they are pressed; what is on its way is not sent again.
      if (sending.current) return;
      sending.current = true;
      setBusy(true);
      setError(null);
      try {
        await send(values);
      } catch (cause) {
        const rest = asProblem(cause).fields.filter((field) => {
          const name = field.pointer.replace(/^#?\//, '');
          if (!(name in values)) return true;
          form.setFieldError(name, sentence(field.detail));
          failed.current ??= name;
          return false;
        });
        if (rest.length > 0 || asProblem(cause).fields.length === 0) setError(cause);
      } finally {
        sending.current = false;
        setBusy(false);
      }
    },
    (errors) => {
      const [first] = Object.keys(errors);
      if (first) form.getInputNode(first as never)?.focus();
    },
  );
  return { error, busy, submit, keys: { onKeyDown: sendKey } };
}

type SendKeys = { onKeyDown: (event: KeyboardEvent<HTMLFormElement>) => void };

/** ⌘↵ and Ctrl+↵ send the form from anywhere in it. */
function sendKey(event: KeyboardEvent<HTMLFormElement>): void {
  if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) {
    event.preventDefault();
    event.currentTarget.requestSubmit();
  }
}
