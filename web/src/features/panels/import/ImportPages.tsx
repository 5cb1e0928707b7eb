// The two ways into the import: into a new panel, into one that is there.
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { api } from '@/api/client';
import { useForbidden } from '@/api/identity';
import { type Panel, panelQuery } from '@/api/panels';
import { queryClient } from '@/api/query';
import { plural } from '@/lib/format';
import { Note } from '@/ui/Note';
import { Page } from '@/ui/Page';
import { takeOver } from '../handover';
import { FileStep } from './FileStep';
import type { Mode } from './reading';
import { Wizard } from './Wizard';

export function NewPanelPage() {
  const forbidden = useForbidden('panels:write');
  const navigate = useNavigate();
  const [file, setFile] = useState(takeOver);
  return (
    <Page title="New import" about={file ? undefined : 'A file becomes a panel: a live table.'} width="wide">
      {forbidden ? (
        <Note state="warn">{forbidden}</Note>
      ) : file ? (
        <Wizard
          key={`${file.name} ${file.size} ${file.lastModified}`}
          file={file}
          target={null}
          mode="replace"
          onFile={setFile}
          makePanel={(title) => api.post('/v1/panels', { body: { title } })}
          onLeave={() => void navigate({ to: '/panels' })}
        />
      ) : (
        <FileStep onFile={setFile} />
      )}
    </Page>
  );
}

export function ImportIntoPanelPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const search = useSearch({ strict: false }) as { mode?: string };
  const panel = useQuery(panelQuery(id)).data;
  if (!panel) return null;
  return <ImportInto panel={panel} startMode={search.mode === 'append' ? 'append' : 'replace'} />;
}

function ImportInto({ panel, startMode }: { panel: Panel; startMode: Mode }) {
  const forbidden = useForbidden('panels:write');
  const navigate = useNavigate();
  const [file, setFile] = useState(takeOver);
  const [mode, setMode] = useState(startMode);
  const empty = panel.rows === 0;
  const [done, setDone] = useState(false);
  const onDone = useCallback(() => setDone(true), []);
  const about = done
    ? undefined
    : empty
      ? 'It has no rows yet.'
      : mode === 'replace'
        ? `The file's rows take the place of all ${plural(panel.rows, 'row')}, at once, for everyone who looks at it.`
        : `The file's rows come after the ${plural(panel.rows, 'row')} that are there. Its columns must be the same.`;
  return (
    <Page title={`Import into ${panel.title}`} about={about} width="wide">
      {forbidden ? (
        <Note state="warn">{forbidden}</Note>
      ) : file ? (
        <Wizard
          key={`${file.name} ${file.size} ${file.lastModified}`}
          file={file}
          target={panel}
          mode={empty ? 'replace' : mode}
          {...(empty ? {} : { onMode: setMode })}
          onFile={(next) => {
            setDone(false);
            setFile(next);
          }}
          onDone={onDone}
          makePanel={() => Promise.resolve(panel)}
          onLeave={() => {
            void queryClient.invalidateQueries({ queryKey: panelQuery(panel.id).queryKey });
            void navigate({ to: '/panels/$id', params: { id: panel.id } });
          }}
        />
      ) : (
        <FileStep onFile={setFile} />
      )}
    </Page>
  );
}
