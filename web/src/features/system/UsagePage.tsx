// What one's own company uses and may use. Looked at here, set by the operator of the installation.
import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Gauge } from 'lucide-react';
import { useForbidden, useMe } from '@/api/identity';
import { type Used, usageQuery } from '@/api/system';
import { count } from '@/lib/format';
import { CopyAs } from '@/ui/CopyAs';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Note, Tag } from '@/ui/Note';
import { Page } from '@/ui/Page';
import { once } from './once';
import classes from './UsagePage.module.css';
import { shown } from './used';

export function UsagePage() {
  const forbidden = useForbidden('usage:read');
  if (forbidden) {
    return (
      <Page title="Usage">
        <Note state="warn">This page is for the admins and owners of the company. {forbidden}</Note>
      </Page>
    );
  }
  return <Usage />;
}

function Usage() {
  const me = useMe();
  const usage = useQuery(usageQuery);
  const requests = usage.data?.limits.requests_per_min ?? usage.data?.default_limits.requests_per_min;
  return (
    <Page
      title="Usage"
      about={`What ${me.tenant.name} uses, and how much it may use. The operator of the installation sets the limits and can raise them: panels and members to 10,000 each.`}
      actions={<CopyAs what={{ api: '/v1/system/usage', cli: 'wheelhouse company-usage get' }} />}
    >
      <Stack gap="md">
        <List
          label="Usage"
          columns={COLUMNS}
          query={once(usage, (one) => one.used)}
          keyOf={(one) => one.what}
          empty={<Empty icon={<Gauge size={28} />} title="Nothing is counted" />}
        />
        {typeof requests === 'number' ? (
          <Note state="info">
            All people and keys of the company together may send {count(requests)} requests a minute, and each
            of them half of that.
          </Note>
        ) : null}
      </Stack>
    </Page>
  );
}

const WORDS: Record<string, [name: string, about: string]> = {
  members: ['Members', 'People and service accounts'],
  invitations: ['Open invitations', 'Until they are accepted, taken back or too old'],
  panels: ['Panels', 'Empty ones too'],
  storage: [
    'Storage',
    'Rows of all panels and kept bad lines; what was replaced or deleted counts until it is removed, an hour or two later',
  ],
};

/** Nearly all of it is used. */
const NEARLY = 0.9;

function Left({ one }: { one: Used }) {
  if (typeof one.limit !== 'number') return null;
  if (one.used >= one.limit) return <Tag state="warn">limit reached</Tag>;
  if (one.used >= one.limit * NEARLY) return <Tag state="warn">nearly full</Tag>;
  return null;
}

const COLUMNS: ListColumn<Used>[] = [
  {
    name: 'what',
    head: 'What',
    grow: true,
    cell: (one) => {
      const [name, about] = WORDS[one.what] ?? [one.what, ''];
      return (
        <TwoLines
          first={
            <span className={classes.first}>
              {name} <Left one={one} />
            </span>
          }
          second={about}
          words
        />
      );
    },
  },
  { name: 'used', head: 'Used', align: 'end', cell: (one) => shown(one, one.used) },
  {
    name: 'limit',
    head: 'At most',
    align: 'end',
    cell: (one) => {
      if (typeof one.limit !== 'number') return 'no limit';
      return one.limit_from === 'default' ? (
        <TwoLines first={shown(one, one.limit)} second="as every company" />
      ) : (
        shown(one, one.limit)
      );
    },
  },
];
