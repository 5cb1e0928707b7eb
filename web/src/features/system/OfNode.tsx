// A node by its machine's name and the end of its id: two on one machine differ in it, and those that started together in nothing before it.
import { Tooltip } from '@mantine/core';
import type { NodeName } from '@/api/system';

const ID_SHOWN = 6;

export function OfNode({ node }: { node: NodeName | undefined }) {
  if (!node) return 'the node that answers';
  return (
    <Tooltip label={node.id}>
      <span className="mono">
        {node.host} {node.id.slice(-ID_SHOWN)}
      </span>
    </Tooltip>
  );
}
