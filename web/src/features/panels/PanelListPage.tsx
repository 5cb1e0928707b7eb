// The panels of the company: find one, open it, make one, or drop a file anywhere.
import { Button, FileButton } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { EllipsisVertical, FileUp, Plus, Search, Table2 } from 'lucide-react';
import { useState } from 'react';
import { address } from '@/api/client';
import { useForbidden } from '@/api/identity';
import { type Panel, panelsQuery } from '@/api/panels';
import { command } from '@/lib/curl';
import { count, plural } from '@/lib/format';
import { useShortcut } from '@/lib/keys';
import { CopyAs } from '@/ui/CopyAs';
import { ActButton, ActIcon } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Page } from '@/ui/Page';
import { SearchField } from '@/ui/SearchField';
import { When } from '@/ui/When';
import { DropZone } from './DropZone';
import { handOver } from './handover';
import classes from './PanelListPage.module.css';
import { PanelMenu } from './PanelMenu';
import { NewPanelDialog } from './panelDialogs';

export function PanelListPage() {
  const { q = '' } = useSearch({ strict: false }) as { q?: string };
  const navigate = useNavigate();
  const forbidden = useForbidden('panels:write');
  const panels = useInfiniteQuery(panelsQuery(q));
  const [making, setMaking] = useState(false);
  const importFile = (file?: File) => {
    if (file) handOver(file);
    void navigate({ to: '/panels/new' });
  };
  useShortcut('n', 'Import a file', 'Panels', () => forbidden === null && importFile());
  // The answer to the search before says nothing about this one.
  const known = !panels.isPlaceholderData;
  const none = known && panels.data?.pages[0]?.items.length === 0;

  return (
    <Page
      title="Panels"
      actions={
        <>
          <CopyAs what={{ api: address('/v1/panels', {}, { q }), cli: command('panel list', { q }) }} />
          <ActButton leftSection={<Plus size={14} />} refused={forbidden} onClick={() => setMaking(true)}>
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
            <FileButton onChange={(file) => file && importFile(file)}>
              {({ onClick }) => (
                <ActButton
                  variant="filled"
                  leftSection={<FileUp size={14} />}
                  refused={forbidden}
                  onClick={onClick}
                >
                  Choose a file
                </ActButton>
              )}
            </FileButton>
          }
        >
          A panel is a live table. Drop a CSV, TSV or NDJSON file anywhere on this page: you see how it is
          read, correct what you like, and look at it as a grid.
        </Empty>
      ) : (
        <>
          <div className={classes.tools}>
            <SearchField
              q={q}
              label="Search the panels"
              group="Panels"
              width={260}
              onSearch={(text) =>
                void navigate({ to: '/panels', search: { q: text || undefined } as never, replace: true })
              }
            />
            {panels.data ? <Counted pages={panels.data.pages} more={panels.hasNextPage} /> : null}
          </div>
          <List
            label="Panels"
            columns={COLUMNS}
            query={panels}
            keyOf={(one) => one.id}
            onOpen={(one) => void navigate({ to: '/panels/$id', params: { id: one.id } })}
            empty={
              known ? (
                <Empty
                  icon={<Search size={26} />}
                  title={`No panel is called “${q}”`}
                  action={
                    <Button component={Link} to="/panels">
                      Show all
                    </Button>
                  }
                />
              ) : null
            }
          />
        </>
      )}
      {making ? (
        <NewPanelDialog
          onClose={() => setMaking(false)}
          onMade={(panel) => void navigate({ to: '/panels/$id', params: { id: panel.id } })}
        />
      ) : null}
    </Page>
  );
}

/** How many there are, as far as they are loaded. */
function Counted({ pages, more }: { pages: readonly { items: readonly unknown[] }[]; more: boolean }) {
  const loaded = pages.reduce((sum, page) => sum + page.items.length, 0);
  return (
    <span className={classes.count} aria-live="polite">
      {more ? `${plural(loaded, 'panel')} and more` : plural(loaded, 'panel')}
    </span>
  );
}

const COLUMNS: readonly ListColumn<Panel>[] = [
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
        <PanelMenu
          panel={one}
          parts={['import', 'copy', 'change']}
          target={
            <ActIcon label={`Actions for ${one.title}`}>
              <EllipsisVertical size={16} />
            </ActIcon>
          }
        />
      </span>
    ),
  },
];
