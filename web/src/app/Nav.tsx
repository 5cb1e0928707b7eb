// Navigation, grouped by job. Only what exists and may be read.
import { Divider, Menu, Tooltip, UnstyledButton } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useRouterState } from '@tanstack/react-router';
import { Check, ChevronsUpDown, PanelLeft, Plus } from 'lucide-react';
import { useState } from 'react';
import { api } from '@/api/client';
import { type Me, useForbidden } from '@/api/identity';
import { ActItem } from '@/ui/Guarded';
import { TwoLines } from '@/ui/List';
import { Mark } from '@/ui/Mark';
import { attempt } from '@/ui/toast';
import { CompanyDialog } from './CompanyDialog';
import { pagesOf } from './pages';
import classes from './Shell.module.css';
import { useBecome } from './session';

export function Nav({ me, folded, onFold }: { me: Me; folded: boolean; onFold?: () => void }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const groups = Map.groupBy(pagesOf(me), ({ group }) => group);
  groups.delete(null);
  return (
    <nav className={classes.nav} aria-label="Main">
      <TenantSwitch me={me} folded={folded} />
      {[...groups].map(([label, items]) => (
        <div key={label}>
          {folded ? <div className={classes.groupLine} /> : <div className={classes.group}>{label}</div>}
          {items.map(({ to, label: name, icon: Icon }) => (
            <Tooltip key={to} label={name} position="right" disabled={!folded}>
              <Link
                to={to}
                className={classes.item}
                aria-label={folded ? name : undefined}
                aria-current={path === to || path.startsWith(`${to}/`) ? 'page' : undefined}
              >
                <Icon size={16} aria-hidden />
                {folded ? null : name}
              </Link>
            </Tooltip>
          ))}
        </div>
      ))}
      {onFold ? (
        <Tooltip label={folded ? 'Unfold  [' : 'Fold  ['} position="right">
          <UnstyledButton
            className={classes.fold}
            onClick={onFold}
            aria-label="Fold the navigation"
            aria-pressed={folded}
          >
            <PanelLeft size={16} aria-hidden />
          </UnstyledButton>
        </Tooltip>
      ) : null}
    </nav>
  );
}

function TenantSwitch({ me, folded }: { me: Me; folded: boolean }) {
  const cache = useQueryClient();
  const become = useBecome();
  const [making, setMaking] = useState(false);
  const forbidden = useForbidden('identity:tenant');
  const change = async (tenant_id: string) => {
    const changed = await attempt('switch company', async () =>
      become(await api.put('/v1/identity/session/tenant', { body: { tenant_id } })),
    );
    if (!changed) void cache.invalidateQueries({ queryKey: ['identity', 'me'] });
  };
  return (
    <>
      <Menu position="bottom-start" width={260}>
        <Menu.Target>
          <UnstyledButton className={classes.tenant} aria-label={`Company: ${me.tenant.name}`}>
            <Mark size={20} />
            {folded ? null : (
              <>
                <span className={classes.tenantName}>{me.tenant.name}</span>
                <ChevronsUpDown size={14} color="var(--wh-text-3)" aria-hidden />
              </>
            )}
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Companies</Menu.Label>
          {me.tenants.map((one) => (
            <Menu.Item
              key={one.id}
              leftSection={
                <Check size={14} style={{ visibility: one.id === me.tenant.id ? 'visible' : 'hidden' }} />
              }
              onClick={() => one.id !== me.tenant.id && void change(one.id)}
            >
              <TwoLines first={one.name} second={one.role} />
            </Menu.Item>
          ))}
          <Divider my={4} />
          <ActItem leftSection={<Plus size={14} />} refused={forbidden} onClick={() => setMaking(true)}>
            New company…
          </ActItem>
        </Menu.Dropdown>
      </Menu>
      {making ? <CompanyDialog onClose={() => setMaking(false)} onMade={(id) => void change(id)} /> : null}
    </>
  );
}
