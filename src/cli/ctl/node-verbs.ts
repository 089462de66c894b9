// warrenmqctl's verbs about the node as a whole. Runs in main, of a process of its own. Stopping
// and starting "the application" is closing and opening the listeners: the process stays.
import { setTimeout as sleep } from 'node:timers/promises';
import { productVersion } from '../../base/product-version.ts';
import type { Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import type { CtlContext, Verb } from './verb.ts';

const AWAIT_MILLIS_DEFAULT = 300_000;
const POLL_MILLIS = 100;

async function nodeOf({ api }: CtlContext): Promise<Row> {
  return (await api.get<Row[]>('nodes'))[0];
}

function listening(
  name: string,
  description: string,
  isListening: boolean,
  bannerOf: (node: string) => string,
): Verb {
  return {
    name,
    description,
    run: async (context) => {
      context.banner(bannerOf(String((await nodeOf(context))['name'])));
      const reason = 'broker forced connection closure with reason shutdown';
      await context.api.put('warrenmq/listening', { listening: isListening, reason });
    },
  };
}

const ping: Verb = {
  name: 'ping',
  description: 'Ask whether the broker answers.',
  run: async (context) => {
    const { name } = await nodeOf(context);
    context.banner(`Will ping ${String(name)} by its management API at ${context.api.url}.`);
    context.done('Ping succeeded');
  },
};

const awaitStartup: Verb = {
  name: 'await_startup',
  description: 'Wait until the broker listens.',
  run: async ({ api }) => {
    const deadline = performance.now() + AWAIT_MILLIS_DEFAULT;
    for (;;) {
      try {
        const { listening: isListening } = await api.get('warrenmq/listening');
        if (isListening === true) return;
      } catch (error) {
        if (!(error instanceof CtlError) || error.exitCode !== EXIT_CODES.unavailable) throw error;
        if (performance.now() > deadline) throw error;
      }
      await sleep(POLL_MILLIS);
    }
  },
};

interface Listener {
  readonly protocol: string;
  readonly ip_address: string;
  readonly port: number;
}

const status: Verb = {
  name: 'status',
  description: 'Show what runs where, and what it uses.',
  run: async (context) => {
    const node = await nodeOf(context);
    const overview = await context.api.get<Row & { readonly listeners: readonly Listener[] }>(
      'overview',
    );
    if (context.formatter === 'json') {
      context.terminal.out(`${JSON.stringify({ ...node, ...overview })}\n`);
      return;
    }
    const totals = overview['object_totals'] as Row;
    const alarms = ['mem_alarm', 'disk_free_alarm'].filter((name) => node[name] === true);
    const listeners = overview.listeners.map(
      ({ protocol, ip_address: host, port }) =>
        `Interface: ${host}, port: ${port}, protocol: ${protocol}`,
    );
    context.banner(`Status of node ${String(node['name'])} ...`);
    const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
      [
        'Runtime',
        [
          `OS PID: ${String(node['os_pid'])}`,
          `Uptime (seconds): ${Math.floor(Number(node['uptime']) / 1000)}`,
          `WarrenMQ version: ${String(overview['product_version'])}`,
          `RabbitMQ version: ${String(overview['rabbitmq_version'])} (what clients are told)`,
        ],
      ],
      ['Data directory', [`Node data directory: ${String(node['db_dir'])}`]],
      ['Alarms', alarms.length === 0 ? ['(none)'] : alarms],
      ['Memory', [`Used by messages: ${String(node['mem_used'])} of ${String(node['mem_limit'])}`]],
      [
        'Free Disk Space',
        [`Low free disk space watermark: ${String(node['disk_free_limit'])}`].concat(
          `Free disk space: ${String(node['disk_free'])}`,
        ),
      ],
      [
        'Totals',
        ['connections', 'queues', 'exchanges', 'consumers'].map(
          (name) => `${name}: ${String(totals[name])}`,
        ),
      ],
      ['Listeners', listeners],
    ];
    for (const [title, lines] of sections) {
      context.terminal.out(`${title}\n\n${lines.join('\n')}\n\n`);
    }
  },
};

const version: Verb = {
  name: 'version',
  description: 'Print the version.',
  run: ({ terminal }) => {
    terminal.out(`${productVersion()}\n`);
    return Promise.resolve();
  },
};

const setClusterName: Verb = {
  name: 'set_cluster_name',
  arguments: '<name>',
  description: 'Set the name of the cluster.',
  run: async (context, [name]) => {
    context.banner(`Setting cluster name to ${name} ...`);
    await context.api.put('cluster-name', { name });
  },
};

const enableFeatureFlag: Verb = {
  name: 'enable_feature_flag',
  arguments: '<flag>',
  description: 'All features are enabled: this does nothing, for scripts that ask for it.',
  options: (command) => void command.option('--experimental').option('--opt-in'),
  run: (context, [flag]) => {
    context.banner(
      flag === 'all' ? 'Enabling all feature flags ...' : `Enabling feature flag "${flag}" ...`,
    );
    return Promise.resolve();
  },
};

const reloadCertificates: Verb = {
  name: 'reload_certificates',
  description: 'Read the certificate files of TLS again; connections stay.',
  run: async (context) => {
    context.banner('Reading the certificate files again ...');
    await context.api.post('warrenmq/certificates', {});
  },
};

export const nodeVerbs: readonly Verb[] = [
  status,
  ping,
  awaitStartup,
  version,
  listening(
    'stop_app',
    'Close all connections and listen no more.',
    false,
    (node) => `Stopping rabbit application on node ${node} ...`,
  ),
  listening('start_app', 'Listen again.', true, (node) => `Starting node ${node} ...`),
  reloadCertificates,
  setClusterName,
  enableFeatureFlag,
];
