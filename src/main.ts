// Starts and stops a broker. Main thread. The command line (src/cli) is one caller, tests and
// programs that embed a broker are others.
import { claimDataDirectory } from './base/data-directory.ts';
import type { Logger } from './base/logger.ts';
import { boundBacktracking } from './base/name-pattern.ts';
import type { BrokerConfig, ListenerAddress } from './config/broker-config.ts';
import { type RunningManagement, startManagement } from './management/start-management.ts';
import { loadPlugins } from './plugins/load-plugins.ts';
import { Broker } from './supervisor/broker.ts';

export interface RunningBroker {
  readonly listeners: readonly ListenerAddress[];
  readonly managementPort: number | undefined;
  /** Which implementation of the log on disk runs: `native` or `portable`. */
  readonly logKind: string;
  /** Stops in order: clients are told, threads leave, the data directory is given back. */
  stop(reason: string): Promise<void>;
  /** Resolves with what went wrong if the broker cannot go on. */
  readonly failed: Promise<Error>;
}

export async function startBroker(config: BrokerConfig, log: Logger): Promise<RunningBroker> {
  boundBacktracking();
  const plugins = await loadPlugins(config, log);
  const directory = claimDataDirectory(config.dataDir);
  const broker = new Broker(config, plugins);
  let management: RunningManagement | undefined;
  const stop = async (reason: string): Promise<void> => {
    await management?.close();
    await broker.stop(reason);
    directory.release();
  };
  let listeners: ListenerAddress[];
  try {
    listeners = await broker.start();
    management = await startManagementOf(broker, config, listeners, log);
  } catch (error) {
    await stop('the broker could not start');
    throw error;
  }
  const failed = broker.failed.catch((error: Error) => error);
  const { acceptors, shards } = config;
  const logKind = broker.store.kind;
  const names = broker.plugins.names.join(', ') || undefined;
  log.info('broker started', { acceptors, shards, log: logKind, plugins: names });
  return { listeners, managementPort: management?.port, logKind, stop, failed };
}

/** Undefined when the configuration wants none. */
async function startManagementOf(
  broker: Broker,
  config: BrokerConfig,
  listeners: readonly ListenerAddress[],
  log: Logger,
): Promise<RunningManagement | undefined> {
  const { managementHost: host, managementPort: port } = config;
  if (port === undefined) return undefined;
  const source = {
    config,
    topology: broker.control.topology,
    users: broker.users,
    connections: broker.connections,
    logins: broker.logins,
    memory: broker.memory,
    disk: broker.disk.watch,
    plugins: broker.plugins,
    recoveries: broker.storage.recoveries,
    listeners,
    control: broker.operator,
    startedAtMillis: Date.now(),
    collectReports: () => broker.reports.collect(),
  };
  return await startManagement(source, { host, port, log });
}
