// The buttons of a panel's page: copy the view, import again, and the rest.
import { Button } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { EllipsisVertical, FileUp } from 'lucide-react';
import { address } from '@/api/client';
import type { Panel, RowsRequest } from '@/api/panels';
import { command } from '@/lib/curl';
import { CopyAs } from '@/ui/CopyAs';
import { ActIcon } from '@/ui/Guarded';
import { PanelMenu } from '../PanelMenu';
import bar from './Toolbar.module.css';

const COPIED_ROWS = 200;

export function PanelActions({ panel, request }: { panel: Panel; request: RowsRequest }) {
  const navigate = useNavigate();
  const api = address('/v1/panels/{id}/rows', { id: panel.id }, { ...request, limit: COPIED_ROWS });
  return (
    <>
      <CopyAs what={{ api, cli: command('row list', { panel: panel.id, ...request, limit: COPIED_ROWS }) }} />
      <PanelMenu
        panel={panel}
        parts={['import']}
        target={
          <Button leftSection={<FileUp size={14} />} className={bar.button}>
            <span className={bar.label}>Import</span>
          </Button>
        }
      />
      <PanelMenu
        panel={panel}
        parts={['change']}
        onDeleted={() => void navigate({ to: '/panels' })}
        target={
          <ActIcon label="More" size={30} variant="default">
            <EllipsisVertical size={16} />
          </ActIcon>
        }
      />
    </>
  );
}
