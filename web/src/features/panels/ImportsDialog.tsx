// The past imports of a panel: when, what, how many rows, which lines were not read.
import { Anchor } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { address } from '@/api/client';
import { type Import, importsQuery, type Panel } from '@/api/panels';
import { bytes, count, plural } from '@/lib/format';
import { Dialog } from '@/ui/Dialog';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { sentence } from '@/ui/ProblemNote';
import { When } from '@/ui/When';
import { keptLines } from './leftOut';

/** Of very many only the first are kept. */
function downloads({ bad_lines, bad_lines_kept }: Import): string {
  const lines = plural(bad_lines, 'line');
  return bad_lines_kept < bad_lines
    ? `Download ${count(bad_lines_kept)} of ${lines} left out`
    : `Download ${lines} left out`;
}

export const badLinesAddress = (one: Pick<Import, 'panel_id' | 'id'>): string =>
  address('/v1/panels/{id}/imports/{import_id}/bad-lines', { id: one.panel_id, import_id: one.id });

const columns: ListColumn<Import>[] = [
  {
    name: 'file',
    head: 'File',
    grow: true,
    cell: (one) => <TwoLines first={one.file_name ?? 'stream'} second={<How one={one} />} words />,
  },
  { name: 'rows', head: 'Rows', align: 'end', cell: (one) => count(one.rows) },
  {
    name: 'bad',
    head: 'Lines left out',
    align: 'end',
    cell: (one) =>
      one.bad_lines_kept > 0 ? (
        <Anchor
          href={badLinesAddress(one)}
          download
          title={one.bad_lines_kept < one.bad_lines ? keptLines(one) : undefined}
          aria-label={downloads(one)}
        >
          {count(one.bad_lines)}
        </Anchor>
      ) : (
        count(one.bad_lines)
      ),
  },
  { name: 'when', head: 'When', wide: true, cell: (one) => <When at={one.started_at} /> },
];

/** As what, how it went and, where it failed, why; and the keys whose values were left out. */
function How({ one: { mode, state, bytes: read, problem, unknown_keys: keys } }: { one: Import }) {
  return (
    <>
      {mode} · {state} · {bytes(read)}
      {problem ? (
        <>
          <br />
          {sentence(problem.detail)} <span className="mono">{problem.code}</span>
        </>
      ) : null}
      {keys.length > 0 ? (
        <>
          <br />
          Left out: {keys.join(', ')}
        </>
      ) : null}
    </>
  );
}

export function ImportsDialog({ panel, onClose }: { panel: Panel; onClose: () => void }) {
  const imports = useInfiniteQuery(importsQuery(panel.id));
  return (
    <Dialog onClose={onClose} title={`Imports of ${panel.title}`} size={720}>
      <List
        label="Imports"
        columns={columns}
        keyOf={(one) => one.id}
        query={imports}
        empty={<Empty icon={null} title="Nothing was imported yet" />}
      />
    </Dialog>
  );
}
