// The panels of the company: find one, open it, make one, or drop a file anywhere.
import { Button, CloseButton, Menu, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Copy, EllipsisVertical, FileUp, Pencil, Plus, Search, Table2, Terminal, Trash2 } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { address } from '@/api/client';
import { useForbidden } from '@/api/identity';
import { type Panel, panelsQuery } from '@/api/panels';
import { copyText } from '@/lib/clipboard';
import { count, plural } from '@/lib/format';
import { useShortcut } from '@/lib/keys';
import { ActButton, ActIcon, ActItem } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Page } from '@/ui/Page';
import { showDone } from '@/ui/toast';
import { When } from '@/ui/When';
import { curl } from './curl';
import { DropZone } from './DropZone';
import { handOver } from './handover';
import classes from './PanelListPage.module.css';
import { DeletePanelDialog, NewPanelDialog, RenamePanelDialog } from './panelDialogs';

type Dialog = { kind: 'new' } | { kind: 'rename' | 'delete'; panel: Panel } | null;

export function PanelListPage() {
  const { q = '' } = useSearch({ strict: false }) as { q?: string };
  const navigate = useNavigate();
  const forbidden = useForbidden('panels:write');
  const panels = useInfiniteQuery(panelsQuery(q));
  const [dialog, setDialog] = useState<Dialog>(null);
  const importFile = (file?: File) => {
    if (file) handOver(file);
    void navigate({ to: '/panels/new' });
  };
  useShortcut('n', 'Import a file', 'Panels', () => forbidden === null && importFile());
  const close = () => setDialog(null);
  const none = panels.data?.pages[0]?.items.length === 0;

  return (
    <Page
      title="Panels"
      actions={
        <>
          <ActButton
            leftSection={<Plus size={14} />}
            refused={forbidden}
            onClick={() => setDialog({ kind: 'new' })}
          >
            Empty panel
          </ActButton>
          <ActButton
            variant="filled"
            leftSection={<FileUp size={14} />}
            refused={forbidden}
            onClick={() => importFile()}
          >
            Import a file
          </ActButton>
        </>
      }
    >
      <DropZone refused={forbidden} label="Drop it to make a panel" onFile={importFile} />
      {none && !q ? (
        <Empty
          icon={<Table2 size={30} />}
          title="No panels yet"
          action={
            <ActButton
              variant="filled"
              leftSection={<FileUp size={14} />}
              refused={forbidden}
              onClick={() => importFile()}
            >
              Choose a file
            </ActButton>
          }
        >
          A panel is a live table. Drop a CSV, TSV or NDJSON file anywhere on this page: you see how it is
          read, correct what you like, and look at it as a grid.
        </Empty>
      ) : (
        <>
          <div className={classes.tools}>
            <ListSearch q={q} />
          </div>
          <List
            label="Panels"
            columns={listColumns(forbidden, setDialog)}
            query={panels}
            keyOf={(one) => one.id}
            empty={
              <Empty
                icon={<Search size={26} />}
                title={`No panel is called “${q}”`}
                action={
                  <Button component={Link} to="/panels">
                    Show all
                  </Button>
                }
              />
            }
          />
        </>
      )}
      {dialog?.kind === 'new' ? (
        <NewPanelDialog
          onClose={close}
          onMade={(panel) => void navigate({ to: '/panels/$id', params: { id: panel.id } })}
        />
      ) : null}
      {dialog?.kind === 'rename' ? <RenamePanelDialog panel={dialog.panel} onClose={close} /> : null}
      {dialog?.kind === 'delete' ? <DeletePanelDialog panel={dialog.panel} onClose={close} /> : null}
    </Page>
  );
}

function listColumns(forbidden: string | null, open: (dialog: Dialog) => void): ListColumn<Panel>[] {
  return [
    {
      name: 'title',
      head: 'Title',
      grow: true,
      cell: (one) => (
        <TwoLines
          first={
            <Link to="/panels/$id" params={{ id: one.id }} className={classes.title}>
              {one.title}
            </Link>
          }
        />
      ),
    },
    { name: 'rows', head: 'Rows', align: 'end', cell: (one) => count(one.rows) },
    { name: 'columns', head: 'Columns', align: 'end', wide: true, cell: (one) => count(one.columns.length) },
    { name: 'updated', head: 'Updated', wide: true, cell: (one) => <When at={one.updated_at} /> },
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <span className={classes.above}>
          <RowMenu panel={one} forbidden={forbidden} open={open} />
        </span>
      ),
    },
  ];
}

function RowMenu({
  panel,
  forbidden,
  open,
}: {
  panel: Panel;
  forbidden: string | null;
  open: (dialog: Dialog) => void;
}) {
  const navigate = useNavigate();
  const copy = async (text: string, what: string) => {
    if (await copyText(text)) showDone(`${what} copied`);
  };
  return (
    <Menu>
      <Menu.Target>
        <ActIcon label={`Actions for ${panel.title}`}>
          <EllipsisVertical size={16} />
        </ActIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <ActItem
          leftSection={<FileUp size={14} />}
          refused={forbidden}
          onClick={() => void navigate({ to: '/panels/$id/import', params: { id: panel.id } })}
        >
          Import into it…
        </ActItem>
        <ActItem
          leftSection={<Pencil size={14} />}
          refused={forbidden}
          onClick={() => open({ kind: 'rename', panel })}
        >
          Rename…
        </ActItem>
        <Menu.Divider />
        <Menu.Item
          leftSection={<Copy size={14} />}
          onClick={() => void copy(`${window.location.origin}/panels/${panel.id}`, 'Link')}
        >
          Copy link
        </Menu.Item>
        <Menu.Item
          leftSection={<Terminal size={14} />}
          onClick={() => void copy(curl(address('/v1/panels/{id}', { id: panel.id })), 'curl command')}
        >
          Copy as curl
        </Menu.Item>
        <Menu.Divider />
        <ActItem
          danger
          leftSection={<Trash2 size={14} />}
          refused={forbidden}
          onClick={() => open({ kind: 'delete', panel })}
        >
          Delete {panel.rows > 0 ? plural(panel.rows, 'row') : 'panel'}…
        </ActItem>
      </Menu.Dropdown>
    </Menu>
  );
}

const SEARCH_AFTER_MS = 150;

function ListSearch({ q }: { q: string }) {
  const navigate = useNavigate();
  const [text, setText] = useState(q);
  const field = useRef<HTMLInputElement>(null);
  const sent = useRef(q);
  useShortcut('/', 'Search the panels', 'Panels', () => field.current?.select());
  useEffect(() => {
    if (q === sent.current) return;
    sent.current = q;
    setText(q);
  }, [q]);
  useEffect(() => {
    if (text === sent.current) return;
    const timer = window.setTimeout(() => {
      sent.current = text;
      void navigate({ to: '/panels', search: { q: text || undefined } as never, replace: true });
    }, SEARCH_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, [text, navigate]);
  return (
    <TextInput
      ref={field}
      w={260}
      aria-label="Search the panels"
      placeholder="Search"
      leftSection={<Search size={14} />}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        if (text) setText('');
        else event.currentTarget.blur();
      }}
      rightSection={
        text ? <CloseButton size={20} aria-label="Clear the search" onClick={() => setText('')} /> : null
      }
    />
  );
}
