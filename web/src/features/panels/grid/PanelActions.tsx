// What can be done with a panel: import again, copy as curl or link, rename, delete, see past imports.
import { Button, Menu } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import {
  Copy,
  EllipsisVertical,
  FilePlus2,
  FileUp,
  History,
  Link as LinkIcon,
  Pencil,
  Terminal,
  Trash2,
} from 'lucide-react';
import { useState } from 'react';
import { address } from '@/api/client';
import { useForbidden } from '@/api/identity';
import type { Panel, RowsRequest } from '@/api/panels';
import { copyText } from '@/lib/clipboard';
import { ActIcon, ActItem } from '@/ui/Guarded';
import { showDone } from '@/ui/toast';
import { curl } from '../curl';
import { ImportsDialog } from '../ImportsDialog';
import { DeletePanelDialog, RenamePanelDialog } from '../panelDialogs';
import bar from './Toolbar.module.css';

type Dialog = 'rename' | 'delete' | 'imports' | null;

export function PanelActions({ panel, request }: { panel: Panel; request: RowsRequest }) {
  const navigate = useNavigate();
  const forbidden = useForbidden('panels:write');
  const [dialog, setDialog] = useState<Dialog>(null);
  const path = address('/v1/panels/{id}/rows', { id: panel.id }, { ...request, limit: 200 });
  const importAs = (mode: 'replace' | 'append') =>
    void navigate({ to: '/panels/$id/import', params: { id: panel.id }, search: { mode } as never });
  const copy = async (text: string, what: string) => {
    if (await copyText(text)) showDone(`${what} copied`);
  };
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button leftSection={<Copy size={14} />} className={bar.button}>
            <span className={bar.label}>Copy as</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<LinkIcon size={14} />}
            onClick={() => void copy(window.location.href, 'Link')}
          >
            Link to this view
          </Menu.Item>
          <Menu.Item
            leftSection={<Terminal size={14} />}
            onClick={() => void copy(curl(path), 'curl command')}
          >
            curl of this view
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Menu>
        <Menu.Target>
          <Button leftSection={<FileUp size={14} />} className={bar.button}>
            <span className={bar.label}>Import</span>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <ActItem leftSection={<FileUp size={14} />} refused={forbidden} onClick={() => importAs('replace')}>
            Replace all rows…
          </ActItem>
          <ActItem
            leftSection={<FilePlus2 size={14} />}
            refused={forbidden}
            onClick={() => importAs('append')}
          >
            Append rows…
          </ActItem>
          <Menu.Divider />
          <Menu.Item leftSection={<History size={14} />} onClick={() => setDialog('imports')}>
            Past imports
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Menu>
        <Menu.Target>
          <ActIcon label="More" size={30} variant="default">
            <EllipsisVertical size={16} />
          </ActIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <ActItem leftSection={<Pencil size={14} />} refused={forbidden} onClick={() => setDialog('rename')}>
            Rename…
          </ActItem>
          <ActItem
            danger
            leftSection={<Trash2 size={14} />}
            refused={forbidden}
            onClick={() => setDialog('delete')}
          >
            Delete…
          </ActItem>
        </Menu.Dropdown>
      </Menu>
      {dialog === 'rename' ? <RenamePanelDialog panel={panel} onClose={() => setDialog(null)} /> : null}
      {dialog === 'imports' ? <ImportsDialog panel={panel} onClose={() => setDialog(null)} /> : null}
      {dialog === 'delete' ? (
        <DeletePanelDialog
          panel={panel}
          onClose={() => setDialog(null)}
          onDeleted={() => void navigate({ to: '/panels' })}
        />
      ) : null}
    </>
  );
}
