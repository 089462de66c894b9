// Test process. RabbitMQ on a data directory, to prove the harness on a broker that is known to keep
// its word under kill -9. By hand only: `CRASH_BROKER=rabbitmq npm run crash`, see README.md.
// Invariants: own node name, ports, port mapper and directories; the script becomes the Erlang VM
// itself, so that SIGKILL and SIGTERM reach it; everything listens on 127.0.0.1.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LoadConnection, parseEndpoint } from '../../bench/load/connection.ts';
import { freePort } from '../../bench/rivals/broker.ts';
import { findRabbitmq } from '../../bench/rivals/rabbitmq.ts';
import { BrokerProcess, type Launcher } from './broker-process.ts';

/** Starts the port mapper and returns what starts the broker. */
export async function rabbitmqLauncher(): Promise<{ launch: Launcher; mapper: ChildProcess }> {
  const script = findRabbitmq();
  if (script === undefined) throw new Error('RabbitMQ is not installed');
  const port = await freePort();
  const distributionPort = await freePort();
  const mapperPort = String(await freePort());
  const mapper = spawn('epmd', ['-port', mapperPort, '-address', '127.0.0.1'], { stdio: 'ignore' });
  const launch: Launcher = ({ dataDirectory, set = {} }) => {
    const home = path.join(dataDirectory, 'home');
    mkdirSync(home, { recursive: true });
    const plugins = path.join(dataDirectory, 'enabled_plugins');
    writeFileSync(plugins, '[].\n');
    const config = path.join(dataDirectory, 'rabbitmq.conf');
    const lines = Object.entries(set).filter(([key]) => !key.startsWith('storage.'));
    writeFileSync(config, lines.map(([key, value]) => `${key} = ${value}\n`).join(''));
    const absent = path.join(dataDirectory, 'absent');
    const environment = {
      ...process.env,
      HOME: home,
      ERL_EPMD_PORT: mapperPort,
      RUNNING_UNDER_SYSTEMD: 'true',
      RABBITMQ_NODENAME: 'crash@localhost',
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_MNESIA_BASE: path.join(dataDirectory, 'mnesia'),
      RABBITMQ_LOG_BASE: path.join(dataDirectory, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
      RABBITMQ_CONF_ENV_FILE: absent,
      RABBITMQ_CONFIG_FILE: config,
    };
    return new BrokerProcess({ command: script, args: [], environment, port: () => knock(port) });
  };
  return { launch, mapper };
}

/** The port, when somebody can log in there. */
async function knock(port: number): Promise<number | undefined> {
  const endpoint = parseEndpoint(`amqp://guest:guest@127.0.0.1:${port}`);
  try {
    const connection = await LoadConnection.open(endpoint, () => undefined);
    await connection.close();
    return port;
  } catch {
    return undefined;
  }
}
