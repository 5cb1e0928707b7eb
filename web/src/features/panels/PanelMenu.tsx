// What can be done with a panel, for its page and for its row in the list: import, past imports, copy, rename, delete.
import { Menu } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { FilePlus2, FileUp, History, Pencil, Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { address } from '@/api/client';
import { useForbidden } from '@/api/identity';
import type { Panel } from '@/api/panels';
import { plural } from '@/lib/format';
import { CopyItems } from '@/ui/CopyAs';
import { ActItem } from '@/ui/Guarded';
import { ImportsDialog } from './ImportsDialog';
import { DeletePanelDialog, RenamePanelDialog } from './panelDialogs';

type Dialog = 'rename' | 'delete' | 'imports' | null;
type Part = 'import' | 'copy' | 'change';

export function PanelMenu({
  panel,
  parts,
  target,
  onDeleted,
}: {
  panel: Panel;
  /** What it offers, in this order. */
  parts: readonly Part[];
  /** The button. */
  target: ReactNode;
  onDeleted?: () => void;
}) {
  const [dialog, setDialog] = useState<Dialog>(null);
  const close = () => setDialog(null);
  const groups: Record<Part, ReactNode> = {
    import: <ImportItems panel={panel} onPast={() => setDialog('imports')} />,
    copy: (
      <CopyItems
        what={{
          link: `/panels/${panel.id}`,
          api: address('/v1/panels/{id}', { id: panel.id }),
          cli: `wheelhouse panel get ${panel.id}`,
          json: () => panel,
        }}
      />
    ),
    change: <ChangeItems panel={panel} onDialog={setDialog} />,
  };
  return (
    <>
      <Menu>
        <Menu.Target>{target}</Menu.Target>
        <Menu.Dropdown>
          {parts.map((part, index) => (
            <div key={part} role="presentation">
              {index > 0 ? <Menu.Divider /> : null}
              {groups[part]}
            </div>
          ))}
        </Menu.Dropdown>
      </Menu>
      {dialog === 'rename' ? <RenamePanelDialog panel={panel} onClose={close} /> : null}
      {dialog === 'imports' ? <ImportsDialog panel={panel} onClose={close} /> : null}
      {dialog === 'delete' ? (
        <DeletePanelDialog panel={panel} onClose={close} {...(onDeleted ? { onDeleted } : {})} />
      ) : null}
    </>
  );
}

function ImportItems({ panel, onPast }: { panel: Panel; onPast: () => void }) {
  const navigate = useNavigate();
  const forbidden = useForbidden('panels:write');
  const importAs = (mode: 'replace' | 'append') =>
    void navigate({ to: '/panels/$id/import', params: { id: panel.id }, search: { mode } as never });
  return (
    <>
      <ActItem leftSection={<FileUp size={14} />} refused={forbidden} onClick={() => importAs('replace')}>
        Replace all rows…
      </ActItem>
      <ActItem leftSection={<FilePlus2 size={14} />} refused={forbidden} onClick={() => importAs('append')}>
        Append rows…
      </ActItem>
      <Menu.Divider />
      <Menu.Item leftSection={<History size={14} />} onClick={onPast}>
        Past imports
      </Menu.Item>
    </>
  );
}

function ChangeItems({ panel, onDialog }: { panel: Panel; onDialog: (dialog: Dialog) => void }) {
  const forbidden = useForbidden('panels:write');
  return (
    <>
      <ActItem leftSection={<Pencil size={14} />} refused={forbidden} onClick={() => onDialog('rename')}>
        Rename…
      </ActItem>
      <ActItem
        danger
        leftSection={<Trash2 size={14} />}
        refused={forbidden}
        onClick={() => onDialog('delete')}
      >
        Delete {panel.rows > 0 ? plural(panel.rows, 'row') : 'panel'}…
      </ActItem>
    </>
  );
}
