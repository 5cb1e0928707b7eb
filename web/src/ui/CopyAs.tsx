// "Copy as": what is on screen as a link, as a curl command, as JSON. One menu for every list and detail.
import { Button, Menu } from '@mantine/core';
import { Braces, Copy, Link as LinkIcon, type LucideIcon, SquareTerminal, Terminal } from 'lucide-react';
import { copyText } from '@/lib/clipboard';
import { curl } from '@/lib/curl';
import classes from './CopyAs.module.css';
import { attempt, showDone } from './toast';

export interface Copied {
  /** The address of the API that holds it. */
  api?: string;
  /** A page of this app; the present one when left out. */
  link?: string;
  /** What asks for it on the command line. */
  cli?: string;
  /** What it is as data. */
  json?: () => unknown;
}

const ITEMS: readonly { key: keyof Copied; label: string; said: string; icon: LucideIcon }[] = [
  { key: 'link', label: 'Link', said: 'Link copied', icon: LinkIcon },
  { key: 'api', label: 'curl', said: 'curl command copied', icon: Terminal },
  { key: 'cli', label: 'CLI', said: 'Command copied', icon: SquareTerminal },
  { key: 'json', label: 'JSON', said: 'JSON copied', icon: Braces },
];

const copy = (key: keyof Copied, what: Copied, said: string) =>
  attempt('copy', async () => {
    const text =
      key === 'api'
        ? curl({ path: what.api ?? '' })
        : key === 'cli'
          ? (what.cli ?? '')
          : key === 'json'
            ? JSON.stringify(what.json?.(), null, 2)
            : what.link
              ? window.location.origin + what.link
              : window.location.href;
    if (await copyText(text)) showDone(said);
  });

/** The items alone, for a menu that holds more. */
export function CopyItems({ what, prefix = 'Copy as ' }: { what: Copied; prefix?: string }) {
  return ITEMS.filter(({ key }) => key === 'link' || what[key] !== undefined).map(
    ({ key, label, said, icon: Icon }) => (
      <Menu.Item key={key} leftSection={<Icon size={14} />} onClick={() => void copy(key, what, said)}>
        {key === 'link' && prefix ? 'Copy link' : `${prefix}${label}`}
      </Menu.Item>
    ),
  );
}

export function CopyAs({ what, small = false }: { what: Copied; small?: boolean }) {
  return (
    <Menu>
      <Menu.Target>
        <Button leftSection={<Copy size={14} />} className={small ? undefined : classes.button}>
          <span className={small ? undefined : classes.label}>Copy as</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <CopyItems what={what} prefix="" />
      </Menu.Dropdown>
    </Menu>
  );
}
