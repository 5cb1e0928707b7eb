// The pages of the app, each once: from here come the navigation, the breadcrumbs, the palette's "Go to" and the keys after g.
import {
  FileUp,
  Gauge,
  KeyRound,
  KeySquare,
  type LucideIcon,
  MonitorSmartphone,
  Server,
  Table2,
  Users,
} from 'lucide-react';
import type { Me } from '@/api/identity';

export interface AppPage {
  to:
    | '/panels'
    | '/panels/new'
    | '/people/members'
    | '/settings/sessions'
    | '/settings/api-keys'
    | '/settings/password'
    | '/settings/usage'
    | '/admin';
  label: string;
  /** Under which heading of the navigation; null: reached from a page, by keys and by the palette only. */
  group: '' | 'People' | 'Settings' | null;
  crumbs: readonly string[];
  /** What else it is looked for by. */
  words: string;
  keys: string;
  /** What the keys do, in the list of shortcuts. */
  what: string;
  icon: LucideIcon;
  permission: string;
}

export const PAGES: readonly AppPage[] = [
  {
    to: '/panels',
    label: 'Panels',
    group: '',
    crumbs: ['Panels'],
    words: 'go list',
    keys: 'g p',
    what: 'Go to panels',
    icon: Table2,
    permission: 'panels:read',
  },
  {
    to: '/panels/new',
    label: 'Import a file',
    group: null,
    crumbs: ['Panels', 'New import'],
    words: 'go new panel csv tsv ndjson upload',
    keys: 'g n',
    what: 'Go to a new import',
    icon: FileUp,
    permission: 'panels:write',
  },
  {
    to: '/people/members',
    label: 'Members',
    group: 'People',
    crumbs: ['People', 'Members'],
    words: 'go people invite invitations roles',
    keys: 'g m',
    what: 'Go to members',
    icon: Users,
    permission: 'identity:read',
  },
  {
    to: '/settings/sessions',
    label: 'Sessions',
    group: 'Settings',
    crumbs: ['Settings', 'Sessions'],
    words: 'go settings signed in browsers',
    keys: 'g s',
    what: 'Go to sessions',
    icon: MonitorSmartphone,
    permission: 'identity:self',
  },
  {
    to: '/settings/api-keys',
    label: 'API keys',
    group: 'Settings',
    crumbs: ['Settings', 'API keys'],
    words: 'go settings programs tokens service accounts',
    keys: 'g k',
    what: 'Go to API keys',
    icon: KeySquare,
    permission: 'identity:self',
  },
  {
    to: '/settings/password',
    label: 'Password',
    group: 'Settings',
    crumbs: ['Settings', 'Password'],
    words: 'go settings change',
    keys: 'g w',
    what: 'Go to the password',
    icon: KeyRound,
    permission: 'identity:self',
  },
  {
    to: '/settings/usage',
    label: 'Usage',
    group: 'Settings',
    crumbs: ['Settings', 'Usage'],
    words: 'go settings company limits storage quota',
    keys: 'g u',
    what: 'Go to the usage of the company',
    icon: Gauge,
    permission: 'usage:read',
  },
  {
    to: '/admin',
    label: 'Installation',
    group: 'Settings',
    crumbs: ['Settings', 'Installation'],
    words: 'go admin operator health nodes queues log companies limits system',
    keys: 'g i',
    what: 'Go to the installation',
    icon: Server,
    permission: 'system:read',
  },
];

/** The manual, served beside the app. */
export const MANUAL = '/docs';

/** Those the actor may open. */
export const pagesOf = (me: Me): AppPage[] =>
  PAGES.filter(({ permission }) => me.permissions.includes(permission));
