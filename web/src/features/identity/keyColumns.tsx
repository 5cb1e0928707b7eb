// How a list of API keys looks, one's own or a service account's.
import { Text } from '@mantine/core';
import type { ApiKey } from '@/api/keys';
import { useNow } from '@/lib/now';
import { ActButton } from '@/ui/Guarded';
import { type ListColumn, TwoLines } from '@/ui/List';
import { Tag } from '@/ui/Note';
import { When } from '@/ui/When';

export function keyColumns(onRevoke: (key: ApiKey) => void): ListColumn<ApiKey>[] {
  return [
    {
      name: 'key',
      head: 'Key',
      grow: true,
      cell: (one) => <TwoLines first={one.name} second={<Origin of={one} />} />,
    },
    {
      name: 'scopes',
      head: 'Scopes',
      wide: true,
      cell: (one) => (
        <TwoLines
          words
          first={one.scopes.join(', ')}
          second={one.networks.length > 0 ? `from ${one.networks.join(', ')}` : 'from everywhere'}
        />
      ),
    },
    { name: 'used', head: 'Last used', wide: true, cell: (one) => <LastUse of={one} /> },
    { name: 'ends', head: 'Expires', cell: (one) => <Ends at={one.expires_at} /> },
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <ActButton
          variant="subtle"
          color="gray"
          aria-label={`Revoke ${one.name}`}
          onClick={() => onRevoke(one)}
        >
          Revoke
        </ActButton>
      ),
    },
  ];
}

/** What it begins with, and what the key begins with by which it was made. */
function Origin({ of }: { of: ApiKey }) {
  const prefix = <span className="mono">{of.prefix}…</span>;
  if (!of.made_by_prefix) return prefix;
  return (
    <>
      {prefix}
      <br />
      made by <span className="mono">{of.made_by_prefix}…</span>
    </>
  );
}

function LastUse({ of }: { of: ApiKey }) {
  if (!of.used_at) return <Text c="dimmed">never</Text>;
  return <TwoLines first={<When at={of.used_at} />} second={of.used_address ?? 'unknown address'} />;
}

function Ends({ at }: { at: string }) {
  const over = Date.parse(at) <= useNow();
  const when = <When at={at} />;
  return over ? <TwoLines first={<Tag state="warn">Expired</Tag>} second={when} /> : when;
}
