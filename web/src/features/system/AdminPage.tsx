// The installation as its operator sees it: is it well, what waits, what was put aside, what each company uses.
import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { CircleCheck, Clock, Inbox, ListChecks, Server, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useForbidden } from '@/api/identity';
import {
  type Component,
  healthQuery,
  type Node,
  type NodeName,
  nodesQuery,
  type Queue,
  queuesQuery,
  type SlowStatement,
  statementsQuery,
} from '@/api/system';
import { bytes, count, figure } from '@/lib/format';
import { Empty, List, type ListColumn, TwoLines } from '@/ui/List';
import { Note, Tag } from '@/ui/Note';
import { Page, Section } from '@/ui/Page';
import { ProblemNote } from '@/ui/ProblemNote';
import { When } from '@/ui/When';
import classes from './AdminPage.module.css';
import { Backups } from './Backups';
import { Companies } from './Companies';
import { LogLevel } from './LogLevel';
import { OfNode } from './OfNode';
import { once } from './once';
import { ParkedEvents } from './ParkedEvents';

export function AdminPage() {
  const forbidden = useForbidden('system:read');
  if (forbidden) {
    return (
      <Page title="Installation">
        <Note state="warn">
          This page is for the owners of the company that operates the installation. {forbidden}
        </Note>
      </Page>
    );
  }
  return <Installation />;
}

function Installation() {
  const health = useQuery(healthQuery);
  const nodes = useQuery(nodesQuery);
  const queues = useQuery(queuesQuery);
  const statements = useQuery(statementsQuery);
  return (
    <Page
      title="Installation"
      about="How the whole of it is, for all companies. What you change here stands in the audit trail of your company."
      width="wide"
    >
      <State health={health} />
      <Section
        title="Components"
        about={
          <>
            What every request needs, and what goes on beside (requests are served while that is degraded), as{' '}
            <OfNode node={health.data?.node} /> sees it. Asked again every few seconds.
          </>
        }
      >
        <List
          label="Components"
          columns={COMPONENTS}
          query={once(health, (one) => one.components)}
          keyOf={(one) => one.name}
          empty={<Empty icon={<ListChecks size={28} />} title="No components" />}
        />
      </Section>
      <Section
        title="Nodes"
        about="The processes that serve the installation. One that was not heard of for more than 30 seconds is silent; after a day it is left out."
        actions={<LogLevel />}
      >
        <List
          label="Nodes"
          columns={NODES}
          query={once(nodes, (one) => one.items)}
          keyOf={(one) => one.id}
          empty={<Empty icon={<Server size={28} />} title="No nodes" />}
        />
      </Section>
      <Backups />
      <Section title="Queues" about="Work on its way from one part of the house to another.">
        <List
          label="Queues"
          columns={QUEUES}
          query={once(queues, (one) => one.items)}
          keyOf={(one) => one.name}
          empty={<Empty icon={<Inbox size={28} />} title="No queues" />}
        />
      </Section>
      <ParkedEvents />
      <Section
        title="Slow statements"
        about={
          <>
            Since the start of <OfNode node={statements.data?.node} />, the most time first.
          </>
        }
      >
        <List
          label="Slow statements"
          columns={STATEMENTS}
          query={once(statements, (one) => one.items)}
          keyOf={(one) => `${one.kind} ${one.statement}`}
          empty={
            <Empty icon={<Clock size={28} />} title="No statement was slow">
              A statement is listed when it takes longer than slow_statement_ms of the configuration.
            </Empty>
          }
        />
      </Section>
      <Companies />
    </Page>
  );
}

function State({ health }: { health: UseQueryResult<{ status: string; version: string; node: NodeName }> }) {
  if (health.error) return <ProblemNote error={health.error} onRetry={() => void health.refetch()} />;
  if (!health.data) return null;
  const { status, version, node } = health.data;
  const well = status === 'ready';
  return (
    <Note state={well ? 'ok' : 'warn'}>
      {well ? 'Everything that is needed answers.' : `The node that answered is ${status}.`} Said by{' '}
      <OfNode node={node} />, version <span className="mono">{version}</span>.
    </Note>
  );
}

function Up({ up, children }: { up: boolean; children: ReactNode }) {
  const Icon = up ? CircleCheck : TriangleAlert;
  return (
    <Tag state={up ? 'ok' : 'warn'}>
      <Icon size={12} aria-hidden /> {children}
    </Tag>
  );
}

const milliseconds = (n: number) => `${figure(Math.round(n * 100) / 100)} ms`;

/** Of some components it is known how they are without asking them. */
const latency = (n: number | null | undefined) => (n == null ? '' : milliseconds(n));

const COMPONENTS: ListColumn<Component>[] = [
  {
    name: 'name',
    head: 'Component',
    grow: true,
    cell: (one) => <TwoLines first={one.name} second={one.hint} words />,
  },
  { name: 'code', head: 'Code', wide: true, cell: (one) => <span className="mono">{one.code ?? ''}</span> },
  { name: 'state', head: 'State', cell: (one) => <Up up={one.state === 'up'}>{one.state}</Up> },
  { name: 'latency', head: 'Latency', align: 'end', cell: (one) => latency(one.latency_ms) },
];

/** The last figures of a silent node say nothing of what it uses now. */
function tells(one: Node): one is Node & { process: NonNullable<Node['process']> } {
  return one.state === 'up' && Boolean(one.process);
}

function Heard({ of }: { of: Node }) {
  if (of.answering) return 'answers this page';
  if (of.state === 'up') return null;
  return (
    <>
      last heard <When at={of.seen_at} />
    </>
  );
}

const NODES: ListColumn<Node>[] = [
  {
    name: 'host',
    head: 'Node',
    grow: true,
    cell: (one) => <TwoLines first={<OfNode node={one} />} second={one.address} />,
  },
  {
    name: 'state',
    head: 'State',
    cell: (one) => (
      <TwoLines first={<Up up={one.state === 'up'}>{one.state}</Up>} second={<Heard of={one} />} />
    ),
  },
  {
    name: 'version',
    head: 'Version',
    wide: true,
    cell: (one) => <TwoLines first={one.version} second={one.commit.slice(0, 12)} />,
  },
  { name: 'engine', head: 'Database', wide: true, cell: (one) => one.engine },
  { name: 'since', head: 'Started', wide: true, cell: (one) => <When at={one.started_at} /> },
  {
    name: 'memory',
    head: 'Memory',
    align: 'end',
    wide: true,
    cell: (one) => (tells(one) ? bytes(one.process.resident_bytes) : '–'),
  },
  {
    name: 'files',
    head: 'Open files',
    align: 'end',
    wide: true,
    cell: (one) => (tells(one) ? `${count(one.process.open_fds)} of ${count(one.process.max_fds)}` : '–'),
  },
];

const QUEUES: ListColumn<Queue>[] = [
  { name: 'name', head: 'Queue', grow: true, cell: (one) => one.name },
  {
    name: 'oldest',
    head: 'Oldest',
    wide: true,
    cell: (one) => (one.oldest_at ? <When at={one.oldest_at} /> : '–'),
  },
  { name: 'waiting', head: 'Waiting', align: 'end', cell: (one) => count(one.waiting) },
  { name: 'parked', head: 'Parked', align: 'end', cell: (one) => count(one.parked) },
];

const STATEMENTS: ListColumn<SlowStatement>[] = [
  {
    name: 'statement',
    head: 'Statement',
    grow: true,
    cell: (one) => <span className={`mono ${classes.statement}`}>{one.statement}</span>,
  },
  { name: 'kind', head: 'Kind', wide: true, cell: (one) => one.kind },
  { name: 'last', head: 'Last', wide: true, cell: (one) => <When at={one.last_at} /> },
  { name: 'count', head: 'Times', align: 'end', cell: (one) => count(one.count) },
  { name: 'failed', head: 'Failed', align: 'end', wide: true, cell: (one) => count(one.failed) },
  { name: 'longest', head: 'Longest', align: 'end', wide: true, cell: (one) => milliseconds(one.longest_ms) },
  { name: 'total', head: 'In all', align: 'end', cell: (one) => milliseconds(one.total_ms) },
];
