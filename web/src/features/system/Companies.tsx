// The companies of the installation: what each uses, and what the operator lets it use.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Building2, Gauge } from 'lucide-react';
import { useState } from 'react';
import { useForbidden } from '@/api/identity';
import { type Company, companiesQuery } from '@/api/system';
import { count } from '@/lib/format';
import { ActIcon } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Section } from '@/ui/Page';
import { When } from '@/ui/When';
import { LimitsDialog } from './LimitsDialog';
import { usedOf } from './used';

export function Companies() {
  const companies = useInfiniteQuery(companiesQuery);
  const forbidden = useForbidden('system:write');
  const [limiting, setLimiting] = useState<Company | null>(null);
  const columns: ListColumn<Company>[] = [
    ...COLUMNS,
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <ActIcon label={`Limits of ${one.name}`} refused={forbidden} onClick={() => setLimiting(one)}>
          <Gauge size={16} />
        </ActIcon>
      ),
    },
  ];
  return (
    <Section
      title="Companies"
      about="What each has, and how much it may have. You set the limits; a company without its own has those of every company ([system] in the configuration)."
    >
      <List
        label="Companies"
        columns={columns}
        query={companies}
        keyOf={(one) => one.id}
        empty={<Empty icon={<Building2 size={28} />} title="No companies" />}
      />
      {limiting ? <LimitsDialog company={limiting} onClose={() => setLimiting(null)} /> : null}
    </Section>
  );
}

const COLUMNS: ListColumn<Company>[] = [
  { name: 'name', head: 'Company', grow: true, cell: (one) => <TwoLines first={one.name} second={one.id} /> },
  { name: 'since', head: 'Since', wide: true, cell: (one) => <When at={one.created_at} /> },
  {
    name: 'requests',
    head: 'Requests',
    align: 'end',
    wide: true,
    cell: ({ limits, default_limits }) => {
      const most = limits.requests_per_min ?? default_limits.requests_per_min;
      return typeof most === 'number' ? `at most ${count(most)} / min` : '–';
    },
  },
  { name: 'members', head: 'Members', align: 'end', wide: true, cell: (one) => usedOf(one, 'members') },
  {
    name: 'invitations',
    head: 'Invitations',
    align: 'end',
    wide: true,
    cell: (one) => usedOf(one, 'invitations'),
  },
  { name: 'panels', head: 'Panels', align: 'end', wide: true, cell: (one) => usedOf(one, 'panels') },
  { name: 'storage', head: 'Storage', align: 'end', cell: (one) => usedOf(one, 'storage') },
];
