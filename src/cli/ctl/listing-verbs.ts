// warrenmqctl's listings of what is in a virtual host, and of clients. Runs in main. Columns have
// rabbitmqctl's names; each listing has its usual ones.
import { escaped, type Row } from './api-client.ts';
import { noSuchVhost } from './ctl-error.ts';
import { chosenColumns, type CtlContext, type Verb } from './verb.ts';

type Special = Readonly<Record<string, (row: Row) => unknown>>;

interface Listing {
  readonly name: string;
  readonly what: string;
  /** Of the API; what is in a virtual host is asked for by the virtual host. */
  readonly path: string;
  readonly isInVhost: boolean;
  readonly usual: readonly string[];
  readonly known: readonly string[];
  readonly special?: Special;
}

const QUEUE_COLUMNS = [
  'name durable auto_delete arguments policy operator_policy effective_policy_definition',
  'exclusive messages messages_ready messages_unacknowledged messages_ram messages_ready_ram',
  'messages_unacknowledged_ram messages_paged_out message_bytes message_bytes_ready',
  'message_bytes_unacknowledged message_bytes_ram message_bytes_paged_out consumers state type',
  'vhost node shard',
].flatMap((line) => line.split(' '));

const CONNECTION_COLUMNS = [
  'pid name host port peer_host peer_port ssl state channels protocol user vhost timeout',
  'frame_max channel_max client_properties connected_at user_provided_name node type',
  'ssl_protocol ssl_key_exchange ssl_cipher ssl_hash peer_cert_subject peer_cert_issuer',
  'peer_cert_validity',
].flatMap((line) => line.split(' '));

const CHANNEL_COLUMNS = [
  'pid name number user vhost transactional confirm consumer_count messages_unacknowledged',
  'messages_uncommitted acks_uncommitted messages_unconfirmed prefetch_count',
  'global_prefetch_count state node',
].flatMap((line) => line.split(' '));

function detail(of: string, member: string) {
  return (row: Row): unknown => (row[of] as Row | undefined)?.[member];
}

const LISTINGS: readonly Listing[] = [
  {
    name: 'list_queues',
    what: 'queues',
    path: 'queues',
    isInVhost: true,
    usual: ['name', 'messages'],
    known: QUEUE_COLUMNS,
    special: {
      pid: (row) => `<${String(row['node'])}.1.${String(row['shard'])}.0>`,
      owner_pid: detail('owner_pid_details', 'name'),
      memory: (row) => row['message_bytes_ram'],
    },
  },
  {
    name: 'list_exchanges',
    what: 'exchanges',
    path: 'exchanges',
    isInVhost: true,
    usual: ['name', 'type'],
    known: ['name', 'type', 'durable', 'auto_delete', 'internal', 'arguments', 'policy', 'vhost'],
  },
  {
    name: 'list_bindings',
    what: 'bindings',
    path: 'bindings',
    isInVhost: true,
    usual: [
      'source_name',
      'source_kind',
      'destination_name',
      'destination_kind',
      'routing_key',
      'arguments',
    ],
    known: ['routing_key', 'arguments', 'vhost'],
    special: {
      source_name: (row) => row['source'],
      source_kind: () => 'exchange',
      destination_name: (row) => row['destination'],
      destination_kind: (row) => row['destination_type'],
    },
  },
  {
    name: 'list_consumers',
    what: 'consumers',
    path: 'consumers',
    isInVhost: true,
    usual: [
      'queue_name',
      'channel_pid',
      'consumer_tag',
      'ack_required',
      'prefetch_count',
      'active',
      'arguments',
    ],
    known: [
      'consumer_tag',
      'ack_required',
      'prefetch_count',
      'active',
      'activity_status',
      'exclusive',
      'arguments',
    ],
    special: {
      queue_name: detail('queue', 'name'),
      channel_pid: detail('channel_details', 'name'),
    },
  },
  {
    name: 'list_connections',
    what: 'connections',
    path: 'connections',
    isInVhost: false,
    usual: ['user', 'peer_host', 'peer_port', 'state'],
    known: CONNECTION_COLUMNS,
  },
  {
    name: 'list_channels',
    what: 'channels',
    path: 'channels',
    isInVhost: false,
    usual: ['pid', 'user', 'consumer_count', 'messages_unacknowledged'],
    known: CHANNEL_COLUMNS,
    special: { connection: detail('connection_details', 'name') },
  },
];

function listingVerb(listing: Listing): Verb {
  const { name, what, path, isInVhost, usual, known, special = {} } = listing;
  return {
    name,
    arguments: '[columns...]',
    description: `List ${what}${isInVhost ? ' in the virtual host' : ''}, with these columns.`,
    options: (command) => {
      // One node, whose queues are always there: these change nothing.
      command.option('--online').option('--offline').option('--local').option('--all');
    },
    run: async (context, asked) => {
      const columns = chosenColumns(asked, usual, special, known);
      const inVhost = isInVhost ? ` for vhost ${context.vhost}` : '';
      // As rabbitmqctl does, for this one only.
      if (name === 'list_queues') context.banner(`Timeout: ${context.timeoutText} seconds ...`);
      context.banner(`Listing ${what}${inVhost} ...`);
      context.rows(columns, await rowsOf(context, path, isInVhost));
    },
  };
}

async function rowsOf(
  { api, vhost }: CtlContext,
  path: string,
  isInVhost: boolean,
): Promise<Row[]> {
  const rows = await api.find<Row[]>(isInVhost ? `${path}/${escaped(vhost)}` : path);
  if (rows === undefined) throw noSuchVhost(vhost);
  return rows;
}

export const listingVerbs: readonly Verb[] = LISTINGS.map(listingVerb);
