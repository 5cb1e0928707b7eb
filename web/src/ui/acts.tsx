// The last column of a list: a menu of what can be done with each row.
import { Menu } from '@mantine/core';
import { EllipsisVertical } from 'lucide-react';
import type { ReactNode } from 'react';
import { ActIcon } from './Guarded';
import type { ListColumn } from './List';

/** Each menu is read out by the name of its row. */
export function acts<T>(nameOf: (one: T) => string, items: (one: T) => ReactNode): ListColumn<T> {
  return {
    name: 'act',
    head: 'Actions',
    hideHead: true,
    align: 'end',
    cell: (one) => (
      <Menu>
        <Menu.Target>
          <ActIcon label={`Actions for ${nameOf(one)}`}>
            <EllipsisVertical size={16} />
          </ActIcon>
        </Menu.Target>
        <Menu.Dropdown>{items(one)}</Menu.Dropdown>
      </Menu>
    ),
  };
}
