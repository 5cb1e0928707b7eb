// Who is in the company, as what; and who is invited.
import { Button, Menu } from '@mantine/core';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Check, MailPlus, UserMinus, Users } from 'lucide-react';
import { useState } from 'react';
import { api } from '@/api/client';
import { type Member, membersQuery, meQuery, ROLES, type Role, useForbidden, useMe } from '@/api/identity';
import { useShortcut } from '@/lib/keys';
import { acts } from '@/ui/acts';
import { Confirm } from '@/ui/Confirm';
import { CopyAs, CopyItems } from '@/ui/CopyAs';
import { Facts } from '@/ui/Facts';
import { ActButton, ActItem } from '@/ui/Guarded';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Tag } from '@/ui/Note';
import { OpenedDrawer, useOpened } from '@/ui/opened';
import { Page } from '@/ui/Page';
import { attempt, showDone } from '@/ui/toast';
import { When } from '@/ui/When';
import { Invitations } from './Invitations';
import { InviteDialog } from './InviteDialog';
import classes from './MembersPage.module.css';

export function MembersPage() {
  const me = useMe();
  const forbidden = useForbidden('identity:write');
  const members = useInfiniteQuery(membersQuery);
  const opened = useOpened('member', members, (one) => one.user_id);
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const leaves = removing?.user_id === me.user.id;
  const cache = useQueryClient();
  useShortcut('i', 'Invite someone', 'Members', () => forbidden === null && setInviting(true));

  const columns: ListColumn<Member>[] = [
    {
      name: 'who',
      head: 'Member',
      grow: true,
      cell: (one) => (
        <TwoLines
          first={
            <>
              {one.name} {one.user_id === me.user.id ? <Tag>You</Tag> : null}
            </>
          }
          second={one.email}
        />
      ),
    },
    { name: 'role', head: 'Role', cell: (one) => <RoleMenu member={one} forbidden={forbidden} /> },
    { name: 'joined', head: 'Joined', wide: true, cell: (one) => <When at={one.joined_at} /> },
    acts(
      (one) => one.name,
      (one) => (
        <>
          <CopyItems what={copied(one)} />
          <Menu.Divider />
          <ActItem
            danger
            leftSection={<UserMinus size={14} />}
            refused={forbidden}
            onClick={() => setRemoving(one)}
          >
            {one.user_id === me.user.id ? 'Leave the company…' : 'Remove…'}
          </ActItem>
        </>
      ),
    ),
  ];

  return (
    <Page
      title="Members"
      about={`Who belongs to ${me.tenant.name}, and what they may do.`}
      actions={
        <>
          <CopyAs what={{ api: '/v1/identity/members', cli: 'wheelhouse member list' }} />
          <ActButton
            variant="filled"
            leftSection={<MailPlus size={14} />}
            refused={forbidden}
            onClick={() => setInviting(true)}
          >
            Invite
          </ActButton>
        </>
      }
    >
      <List
        label="Members"
        columns={columns}
        query={members}
        keyOf={(one) => one.user_id}
        onOpen={opened.open}
        opened={opened.key}
        empty={<Empty icon={<Users size={28} />} title="No members" />}
      />
      <Invitations onInvite={() => setInviting(true)} />
      <OpenedDrawer
        opened={opened}
        noun="member"
        title={(one) => one.name}
        about={(one) => one.email}
        actions={(one) => (
          <>
            <CopyAs what={copied(one)} small />
            <ActButton
              leftSection={<UserMinus size={14} />}
              refused={forbidden}
              onClick={() => setRemoving(one)}
            >
              {one.user_id === me.user.id ? 'Leave the company…' : 'Remove…'}
            </ActButton>
          </>
        )}
      >
        {(one) => <MemberFacts member={one} forbidden={forbidden} />}
      </OpenedDrawer>
      {inviting ? <InviteDialog onClose={() => setInviting(false)} /> : null}
      {removing ? (
        <Confirm
          title={leaves ? `Leave ${me.tenant.name}?` : `Remove ${removing.name}?`}
          action={leaves ? 'Leave' : 'Remove'}
          onClose={() => setRemoving(null)}
          onConfirm={async () => {
            await api.delete('/v1/identity/members/{user_id}', { path: { user_id: removing.user_id } });
            await cache.invalidateQueries({ queryKey: membersQuery.queryKey });
            if (leaves) await cache.invalidateQueries({ queryKey: meQuery.queryKey });
            showDone(leaves ? `You left ${me.tenant.name}` : `${removing.name} was removed`);
          }}
        >
          {leaves ? (
            <>
              You lose access to {me.tenant.name} at once, in every browser. What you made stays. You can come
              back only by a new invitation.
            </>
          ) : (
            <>
              <b>{removing.name}</b> ({removing.email}, {removing.role}) loses access to {me.tenant.name} at
              once, in every browser. What they made stays. They can come back only by a new invitation.
            </>
          )}
        </Confirm>
      ) : null}
    </Page>
  );
}

const copied = (member: Member) => ({ link: `/people/members?member=${member.user_id}`, json: () => member });

function MemberFacts({ member, forbidden }: { member: Member; forbidden: string | null }) {
  const may = ROLES.find(({ role }) => role === member.role)?.summary;
  return (
    <Facts
      facts={[
        { name: 'Name', value: member.name, text: member.name },
        { name: 'E-mail', value: member.email, text: member.email },
        {
          name: 'Role',
          value: (
            <>
              <span className={classes.role}>
                <RoleMenu member={member} forbidden={forbidden} />
              </span>
              {may}
            </>
          ),
        },
        { name: 'Joined', value: <When at={member.joined_at} />, text: member.joined_at },
        { name: 'Id', value: member.user_id, text: member.user_id, mono: true },
      ]}
    />
  );
}

function RoleMenu({ member, forbidden }: { member: Member; forbidden: string | null }) {
  const me = useMe();
  const cache = useQueryClient();
  const refused =
    forbidden ??
    (member.role === 'owner' && me.role !== 'owner' ? 'Only an owner changes the role of an owner.' : null);
  if (refused) {
    return (
      <ActButton variant="subtle" color="gray" refused={refused}>
        {member.role}
      </ActButton>
    );
  }
  const change = async (role: Role) => {
    await attempt(`role of ${member.user_id}`, async () => {
      await api.patch('/v1/identity/members/{user_id}', {
        path: { user_id: member.user_id },
        body: { role },
      });
      showDone(`${member.name} is ${role} now`);
    });
    await cache.invalidateQueries({ queryKey: ['identity'] });
  };
  return (
    <Menu position="bottom-start" width={300}>
      <Menu.Target>
        <Button variant="subtle" color="gray" aria-label={`Role of ${member.name}: ${member.role}`}>
          {member.role}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Role of {member.name}</Menu.Label>
        {ROLES.map(({ role, summary }) => (
          <ActItem
            key={role}
            leftSection={
              <Check size={14} style={{ visibility: role === member.role ? 'visible' : 'hidden' }} />
            }
            refused={role === 'owner' && me.role !== 'owner' ? 'Only an owner makes an owner.' : null}
            onClick={() => role !== member.role && void change(role)}
          >
            <TwoLines first={role} second={summary} />
          </ActItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
