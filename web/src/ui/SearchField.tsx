// The search of a list or a grid: `/` goes there, what is typed is sent when the hand rests, Esc empties and leaves.
import { CloseButton, TextInput } from '@mantine/core';
import { Search } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { useShortcut } from '@/lib/keys';

const SEND_AFTER_MS = 160;

export function SearchField({
  q,
  onSearch,
  label,
  group,
  className,
  width,
}: {
  q: string;
  onSearch: (q: string) => void;
  label: string;
  /** Where the help lists the shortcut. */
  group: string;
  className?: string | undefined;
  width?: number;
}) {
  const [text, setText] = useState(q);
  const field = useRef<HTMLInputElement>(null);
  /** What was sent, and has perhaps not arrived yet: the address may still come to it while one goes on typing. */
  const sent = useRef([q]);
  useShortcut('/', label, group, () => field.current?.select());
  useEffect(() => {
    const place = sent.current.lastIndexOf(q);
    if (place >= 0) {
      sent.current = sent.current.slice(place);
      return;
    }
    sent.current = [q];
    setText(q);
  }, [q]);
  const send = useRef(onSearch);
  useEffect(() => {
    send.current = onSearch;
  });
  useEffect(() => {
    if (text === sent.current.at(-1)) return;
    const timer = window.setTimeout(() => {
      sent.current = [...sent.current, text];
      send.current(text);
    }, SEND_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return (
    <TextInput
      ref={field}
      {...(className ? { className } : {})}
      {...(width ? { w: width } : {})}
      aria-label={label}
      placeholder="Search"
      leftSection={<Search size={14} />}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'ArrowDown') {
          const first = document.querySelector<HTMLElement>('#content :is(tr, [data-cell])[tabindex="0"]');
          if (first) event.preventDefault();
          first?.focus();
        }
        if (event.key !== 'Escape') return;
        event.stopPropagation();
        setText('');
        event.currentTarget.blur();
      }}
      rightSection={
        text ? <CloseButton size={20} aria-label="Clear the search" onClick={() => setText('')} /> : null
      }
    />
  );
}
