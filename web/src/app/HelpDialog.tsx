// The shortcuts that work on this page.
import { Kbd } from '@mantine/core';
import { MOD, type Shortcut, useShortcutList } from '@/lib/keys';
import { Dialog } from '@/ui/Dialog';
import classes from './HelpDialog.module.css';

const ALWAYS: readonly Pick<Shortcut, 'keys' | 'what' | 'group'>[] = [
  { keys: `${MOD} K`, what: 'Search or run anything', group: 'Everywhere' },
  { keys: `${MOD} ↵`, what: 'Send the form', group: 'Everywhere' },
  { keys: 'Esc', what: 'Close what is open', group: 'Everywhere' },
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const all = [...useShortcutList(), ...ALWAYS];
  const groups = Map.groupBy(all, (one) => one.group);
  return (
    <Dialog onClose={onClose} title="Shortcuts" size={520}>
      <div className={classes.groups}>
        {[...groups].map(([group, shortcuts]) => (
          <section key={group}>
            <h3 className={classes.group}>{group}</h3>
            <dl className={classes.list}>
              {shortcuts.map(({ keys, what }) => (
                <div key={keys} className={classes.row}>
                  <dt>{what}</dt>
                  <dd>
                    {keys.split(' ').map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
