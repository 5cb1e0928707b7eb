// What a popover needs beside Mantine's own: it is closed by Esc and keeps the focus even when what had the focus is drawn anew.
import { type RefCallback, useEffect, useRef, useState } from 'react';

/**
 * Mantine's popover hears Esc from inside alone. Between its opening and its first focus, and when the focused part
 * goes away (a line that ended, a condition that was removed), the key comes from its button or from nowhere.
 * The returned ref belongs on what takes the focus then.
 */
export function usePopoverFocus(open: boolean, onClose: () => void): RefCallback<HTMLElement> {
  const [inside, setInside] = useState<HTMLElement | null>(null);
  useEscapeFrom(open, isButtonOrNowhere, onClose);
  useEffect(() => {
    if (!open || !inside) return;
    let was = inside.contains(document.activeElement);
    const onFocus = () => {
      was = true;
    };
    const observer = new MutationObserver(() => {
      if (was && document.activeElement === document.body) inside.focus({ preventScroll: true });
    });
    inside.addEventListener('focusin', onFocus);
    observer.observe(inside, { childList: true, subtree: true });
    return () => {
      inside.removeEventListener('focusin', onFocus);
      observer.disconnect();
    };
  }, [open, inside]);
  return setInside;
}

/** A dialog that lies over the popover has the key first. */
const isButtonOrNowhere = (at: Element): boolean =>
  document.querySelector('#overlays [role="dialog"][aria-modal="true"]') === null &&
  (at === document.body || at.matches('[aria-haspopup="dialog"][aria-expanded="true"]'));

/** Hears Esc that comes from elsewhere than from inside, before anything else does. */
export function useEscapeFrom(on: boolean, isMeant: (at: Element) => boolean, run: () => void): void {
  const latest = useRef({ isMeant, run });
  useEffect(() => {
    latest.current = { isMeant, run };
  });
  useEffect(() => {
    if (!on) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.isComposing || !(event.target instanceof Element)) return;
      if (!latest.current.isMeant(event.target)) return;
      event.preventDefault();
      event.stopPropagation();
      latest.current.run();
    };
    window.addEventListener('keydown', onKeyDown, true);
    return () => window.removeEventListener('keydown', onKeyDown, true);
  }, [on]);
}
