// The drawer at the right: one thing in full beside its list. Stays open while one moves on; on narrow screens it is the page.
import { ActionIcon, FocusTrap, Portal, Tooltip } from '@mantine/core';
import { useLocalStorage, useMediaQuery } from '@mantine/hooks';
import { ChevronDown, ChevronUp, X } from 'lucide-react';
import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useRef } from 'react';
import classes from './SideDrawer.module.css';
import { NARROW } from './theme';

export interface Steps {
  /** -1 is the one before, 1 the next. */
  go: (step: -1 | 1) => void;
  before: boolean;
  next: boolean;
}

interface Props {
  title: ReactNode;
  /** What it is called by those who listen. */
  label: string;
  about?: ReactNode;
  actions?: ReactNode;
  steps?: Steps;
  onClose: () => void;
  children: ReactNode;
}

export function SideDrawer(props: Props) {
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  return (
    <Portal target="#drawer">
      {narrow ? (
        <FocusTrap active>
          <div role="dialog" aria-modal="true" aria-label={props.label} className={classes.sheet}>
            <Inside {...props} />
          </div>
        </FocusTrap>
      ) : (
        <Beside {...props} />
      )}
    </Portal>
  );
}

const WIDTH_PX = 420;
const WIDTH_MIN_PX = 320;
const WIDTH_MAX_PX = 900;
const STEP_PX = 24;
const clamp = (px: number) =>
  Math.round(Math.max(WIDTH_MIN_PX, Math.min(WIDTH_MAX_PX, window.innerWidth * 0.7, px)));

function Beside(props: Props) {
  const [width, setWidth] = useLocalStorage({
    key: 'wheelhouse-drawer-width',
    defaultValue: WIDTH_PX,
    getInitialValueInEffect: false,
  });
  const began = useRef<{ x: number; width: number } | null>(null);
  const drag = {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      began.current = { x: event.clientX, width };
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (began.current) setWidth(clamp(began.current.width + began.current.x - event.clientX));
    },
    onPointerUp: () => {
      began.current = null;
    },
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowLeft' ? STEP_PX : event.key === 'ArrowRight' ? -STEP_PX : 0;
    if (step === 0) return;
    event.preventDefault();
    setWidth(clamp(width + step));
  };
  return (
    <aside aria-label={props.label} className={classes.beside} style={{ width: clamp(width) }}>
      {/* biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved */}
      <div
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the drawer"
        aria-valuenow={clamp(width)}
        aria-valuemin={WIDTH_MIN_PX}
        aria-valuemax={WIDTH_MAX_PX}
        tabIndex={0}
        className={classes.edge}
        onKeyDown={onKeyDown}
        onDoubleClick={() => setWidth(WIDTH_PX)}
        {...drag}
      />
      <Inside {...props} />
    </aside>
  );
}

function Inside({ title, about, actions, steps, onClose, children }: Props) {
  const inside = useRef<HTMLDivElement>(null);
  const keys = useRef({ steps, onClose });
  useEffect(() => {
    keys.current = { steps, onClose };
  });
  useEffect(() => {
    // Opened by a person: the focus follows. Opened by the address: it stays where the page begins.
    const from = document.activeElement;
    if (from instanceof HTMLElement && from !== document.body) inside.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const onEscape = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      const at = event.target instanceof Element ? event.target : null;
      if (at?.closest('#overlays, input, textarea')) return;
      if (document.querySelector('#overlays [role="dialog"], #overlays [role="menu"]')) return;
      keys.current.onClose();
    };
    window.addEventListener('keydown', onEscape);
    return () => window.removeEventListener('keydown', onEscape);
  }, []);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (!(event.target instanceof Element) || !event.currentTarget.contains(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches('input, textarea, select'))
      return;
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key] as -1 | 1 | undefined;
    if (!step || !steps) return;
    event.preventDefault();
    event.stopPropagation();
    if (step > 0 ? steps.next : steps.before) steps.go(step);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys for all that is inside
    <div ref={inside} className={classes.inside} tabIndex={-1} onKeyDown={onKeyDown} data-autofocus>
      <header className={classes.head}>
        <div className={classes.words}>
          <h2 className={classes.title} aria-live="polite">
            {title}
          </h2>
          {about ? <p className={classes.about}>{about}</p> : null}
        </div>
        <div className={classes.tools}>
          {steps ? (
            <>
              <Step
                label="The one before  k"
                icon={<ChevronUp size={16} />}
                on={steps.before}
                run={() => steps.go(-1)}
              />
              <Step
                label="The next one  j"
                icon={<ChevronDown size={16} />}
                on={steps.next}
                run={() => steps.go(1)}
              />
            </>
          ) : null}
          <Step label="Close  Esc" icon={<X size={16} />} on run={onClose} />
        </div>
      </header>
      {actions ? <div className={classes.actions}>{actions}</div> : null}
      <div className={classes.body}>{children}</div>
    </div>
  );
}

function Step({ label, icon, on, run }: { label: string; icon: ReactNode; on: boolean; run: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        aria-label={label.split('  ')[0]}
        {...(on ? {} : { 'data-disabled': true, 'aria-disabled': true })}
        onClick={() => on && run()}
      >
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
