// Starts and stops a broker. Main thread. The command line (src/cli) is one caller, tests and
// programs that embed a broker are others.
import { claimDataDirectory } from './base/data-directory.ts';
import type { Logger } from './base/logger.ts';
import { boundBacktracking } from './base/name-pattern.ts';
import type { BrokerConfig } from './config/broker-config.ts';
import { type RunningManagement, startManagement } from './management/start-management.ts';
import { loadPlugins } from './plugins/load-plugins.ts';
import { Broker } from './supervisor/broker.ts';
import type { BoundListener } from './supervisor/listening.ts';
import { Certificates } from './tls/certificates.ts';

export interface RunningBroker {
  readonly listeners: readonly BoundListener[];
  /** Where the management API listens, by `http` or `https`; empty: it does not. */
  readonly managementListeners: RunningManagement['listeners'];
  /** Which implementation of the log on disk runs: `native` or `portable`. */
  readonly logKind: string;
  /** Has new certificate files used; returns what is wrong with them, if anything is. */
  reloadCertificates(): readonly string[];
  /** Stops in order: clients are told, threads leave, the data directory is given back. */
  stop(reason: string): Promise<void>;
  /** Resolves with what went wrong if the broker cannot go on. */
  readonly failed: Promise<Error>;
}

export async function startBroker(config: BrokerConfig, log: Logger): Promise<RunningBroker> {
  boundBacktracking();
  const plugins = await loadPlugins(config, log);
  const certificates = new Certificates(config, log);
  const directory = claimDataDirectory(config.dataDir);
  const broker = new Broker(config, plugins, certificates);
  let management: RunningManagement | undefined;
  const stop = async (reason: string): Promise<void> => {
    certificates.stop();
    await management?.close();
    await broker.stop(reason);
    directory.release();
  };
  let listeners: readonly BoundListener[];
  try {
    listeners = await broker.start();
    management = await startManagementOf(broker, certificates, config, listeners, log);
  } catch (error) {
    await stop('the broker could not start');
    throw error;
  }
  certificates.watch();
  const failed = broker.failed.catch((error: Error) => error);
  const { acceptors, shards } = config;
  const logKind = broker.store.kind;
  const names = broker.plugins.names.join(', ') || undefined;
  log.info('broker started', { acceptors, shards, log: logKind, plugins: names });
  const managementListeners = management?.listeners ?? [];
  const reloadCertificates = (): readonly string[] => certificates.reload();
  return { listeners, managementListeners, logKind, reloadCertificates, stop, failed };
}

/** Undefined when the configuration wants none. */
async function startManagementOf(
  broker: Broker,
  certificates: Certificates,
  config: BrokerConfig,
  listeners: readonly BoundListener[],
  log: Logger,
): Promise<RunningManagement | undefined> {
  const { managementHost: host, managementPort: port } = config;
  const { managementSslHost, managementSslPort } = config;
  const material = certificates.materialFor('https');
  const secure =
    material === undefined || managementSslPort === undefined
      ? undefined
      : { host: managementSslHost, port: managementSslPort, material };
  if (port === undefined && secure === undefined) return undefined;
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
    certificates,
    control: broker.operator,
    startedAtMillis: Date.now(),
    collectReports: () => broker.reports.collect(),
  };
  const management = await startManagement(source, { host, port, secure, log });
  certificates.onChange((protocol, changed) => {
    if (protocol === 'https') management.renew(changed);
  });
  return management;
}
