// Starts Debian's RabbitMQ beside whatever else runs here: own node name, ports, port mapper, home
// and directories, no plugins, otherwise RabbitMQ's defaults. Harness process, cold.
// Invariants: the port mapper (epmd) is our child, because one that the broker starts by itself is
// a daemon that outlives it; all listeners are on 127.0.0.1.
// Source: RabbitMQ "Configuration" (environment variables), Erlang's epmd(1).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { freePort, launch, makeWorkDirectory, type Broker } from './broker.ts';

/** Debian's wrapper in PATH insists on the service's user; the script it wraps does not. */
const DEBIAN_SCRIPTS = '/usr/lib/rabbitmq/bin';

/** The start script, or undefined when RabbitMQ is not installed. */
export function findRabbitmq(): string | undefined {
  const folders = [DEBIAN_SCRIPTS, ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => join(folder, 'rabbitmq-server')).find((path) => existsSync(path));
}

export async function startRabbitmq(script: string): Promise<Broker> {
  const directory = await makeWorkDirectory('rabbitmq');
  const home = join(directory, 'home');
  await mkdir(home);
  const plugins = join(directory, 'enabled_plugins');
  await writeFile(plugins, '[].\n');
  const port = await freePort();
  const mapperPort = String(await freePort());
  const environment = {
    ...process.env,
    HOME: home,
    ERL_EPMD_PORT: mapperPort,
    RABBITMQ_NODENAME: 'bench@localhost',
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_CONF_ENV_FILE: join(directory, 'absent'),
    RABBITMQ_CONFIG_FILE: join(directory, 'absent'),
  };
  const mapper = spawn('epmd', ['-port', mapperPort, '-address', '127.0.0.1'], { stdio: 'ignore' });
  // Without epmd the broker does not start either, and its own words about that are better.
  mapper.on('error', () => undefined);
  return await launch({
    name: 'rabbitmq',
    command: script,
    args: [],
    environment,
    port,
    directory,
    companions: [mapper],
  });
}
