// Buttons and menu items that say why they cannot be used: disabled for the pointer, still reachable by keyboard.
import { ActionIcon, type ActionIconProps, Button, type ButtonProps, Menu, Tooltip } from '@mantine/core';
import type { MouseEvent, ReactNode } from 'react';

interface Guard {
  /** Why not, or null when it is allowed. */
  refused?: string | null | undefined;
  onClick?: ((event: MouseEvent<HTMLElement>) => void) | undefined;
}

function guarded({ refused, onClick }: Guard) {
  if (!refused) return { onClick };
  return {
    'data-disabled': true,
    'aria-disabled': true,
    onClick: (event: MouseEvent<HTMLElement>) => event.preventDefault(),
  };
}

export function ActButton({
  refused,
  onClick,
  ...rest
}: Guard &
  ButtonProps & { children: ReactNode; type?: 'button' | 'submit'; form?: string; autoFocus?: boolean }) {
  const button = <Button {...rest} {...guarded({ refused, onClick })} />;
  return refused ? (
    <Tooltip label={refused} maw={280}>
      {button}
    </Tooltip>
  ) : (
    button
  );
}

export function ActIcon({
  refused,
  onClick,
  label,
  ...rest
}: Guard & ActionIconProps & { label: string; children: ReactNode }) {
  return (
    <Tooltip label={refused ?? label} maw={280}>
      <ActionIcon aria-label={label} {...rest} {...guarded({ refused, onClick })} />
    </Tooltip>
  );
}

export function ActItem({
  refused,
  onClick,
  children,
  ...rest
}: Guard & { children: ReactNode; leftSection?: ReactNode; danger?: boolean; rightSection?: ReactNode }) {
  const { danger, ...more } = rest;
  const item = (
    <Menu.Item
      {...more}
      {...(danger && !refused ? { color: 'var(--wh-bad)' } : {})}
      {...guarded({ refused, onClick })}
      {...(refused ? { closeMenuOnClick: false } : {})}
    >
      {children}
      {refused ? <span className="hidden-visually"> ({refused})</span> : null}
    </Menu.Item>
  );
  return refused ? (
    <Tooltip label={refused} maw={280} position="left">
      {item}
    </Tooltip>
  ) : (
    item
  );
}
