// Invitations that wait to be accepted.
import { Button } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Mail } from 'lucide-react';
import { api } from '@/api/client';
import { type Invitation, invitationsQuery, useForbidden } from '@/api/identity';
import { ActButton } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Section } from '@/ui/Page';
import { attempt } from '@/ui/toast';
import { When } from '@/ui/When';

export function Invitations({ onInvite }: { onInvite: () => void }) {
  const forbidden = useForbidden('identity:write');
  const invitations = useInfiniteQuery({ ...invitationsQuery, enabled: forbidden === null });
  const cache = useQueryClient();
  if (forbidden) return null;
  const revoke = async (id: string) => {
    await attempt(`revoke invitation ${id}`, () =>
      api.delete('/v1/identity/invitations/{id}', { path: { id } }),
    );
    await cache.invalidateQueries({ queryKey: invitationsQuery.queryKey });
  };
  const columns: ListColumn<Invitation>[] = [
    {
      name: 'who',
      head: 'Invited',
      grow: true,
      cell: (one) => <TwoLines first={one.email} second={one.role} />,
    },
    { name: 'since', head: 'Since', wide: true, cell: (one) => <When at={one.created_at} /> },
    { name: 'ends', head: 'Expires', cell: (one) => <When at={one.expires_at} /> },
    {
      name: 'act',
      head: 'Actions',
      hideHead: true,
      align: 'end',
      cell: (one) => (
        <ActButton variant="subtle" color="gray" onClick={() => void revoke(one.id)}>
          Revoke
        </ActButton>
      ),
    },
  ];
  return (
    <Section
      title="Pending invitations"
      about="A link is shown once, when it is made. Revoke one and its link stops working."
    >
      <List
        label="Pending invitations"
        columns={columns}
        query={invitations}
        keyOf={(one) => one.id}
        empty={
          <Empty
            icon={<Mail size={24} />}
            title="Nobody is invited"
            action={<Button onClick={onInvite}>Invite someone</Button>}
          />
        }
      />
    </Section>
  );
}
