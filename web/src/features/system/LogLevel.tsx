// The level of the log of the node that answers: seen, and changed until its end.
import { Menu } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Check, ScrollText } from 'lucide-react';
import { api } from '@/api/client';
import { useForbidden } from '@/api/identity';
import { logLevelQuery } from '@/api/system';
import { ActButton, ActItem } from '@/ui/Guarded';
import { attempt, showDone } from '@/ui/toast';
import { OfNode } from './OfNode';

const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;

export function LogLevel() {
  const cache = useQueryClient();
  const forbidden = useForbidden('system:write');
  const { data } = useQuery(logLevelQuery);
  const set = async (levels: string) => {
    await attempt('log level', async () => {
      const answer = await api.put('/v1/system/log-level', { body: { levels } });
      cache.setQueryData(logLevelQuery.queryKey, answer);
      showDone(`The log writes ${answer.levels} now, at ${answer.node.host}`);
    });
  };
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActButton leftSection={<ScrollText size={14} />}>{`Log level: ${data?.levels ?? '…'}`}</ActButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          Of <OfNode node={data?.node} />, until it ends
        </Menu.Label>
        {LEVELS.map((level) => (
          <ActItem
            key={level}
            leftSection={
              <Check size={14} style={{ visibility: data?.levels === level ? 'visible' : 'hidden' }} />
            }
            refused={forbidden}
            onClick={() => void set(level)}
          >
            {level}
          </ActItem>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
