// The few lines printed when the broker accepts connections: what listens where, where the data is,
// what is promised about it, and two lines to paste that publish and consume. Runs in main.
import { productVersion } from '../base/product-version.ts';
import type { BrokerConfig, ListenerAddress } from '../config/broker-config.ts';
import { listenerText } from '../config/listeners.ts';
import type { RunningBroker } from '../main.ts';

const PORT_DEFAULT = 5672;
/** What holds where a queue has no x-durability of its own. */
const DURABILITY: Readonly<Record<BrokerConfig['durability'], string>> = {
  fsync: 'fsync: what is confirmed is on the disk',
  write: 'write: what is confirmed survives the process, not a power cut',
  memory: 'memory: messages do not survive a restart',
};
const ANY_HOSTS = new Set(['::', '0.0.0.0']);

export function bannerText(
  config: BrokerConfig,
  broker: Pick<RunningBroker, 'listeners' | 'managementListeners' | 'logKind'>,
): string {
  const rows: [string, string][] = broker.listeners.map((address) => [
    address.isTls === true ? 'AMQP + TLS' : 'AMQP 0-9-1',
    `${listenerText(address)}${address.host === '::' ? '  (every IPv4 and IPv6 address)' : ''}`,
  ]);
  for (const { protocol, address } of broker.managementListeners) {
    rows.push(['Management', `${protocol}://${reachable(address)}`]);
  }
  const url = exampleUrl(config, broker.listeners);
  rows.push(
    ['Data', config.dataDir],
    ['Threads', `${count(config.acceptors, 'acceptor')}, ${count(config.shards, 'shard')}`],
    ['Durability', `${DURABILITY[config.durability]} (${broker.logKind} log)`],
    ['Publish', `node examples/publish.js${url}`],
    ['Consume', `node examples/consume.js${url}`],
  );
  const lines = rows.map(([name, text]) => `  ${name.padEnd(12)}${text}`);
  return `WarrenMQ ${productVersion()}, process ${process.pid}\n${lines.join('\n')}\n`;
}

/** The argument the examples need to reach this broker; nothing when their default does. */
function exampleUrl(config: BrokerConfig, listeners: RunningBroker['listeners']): string {
  const address = listeners[0];
  if (address === undefined) return '';
  const known = config.defaultUser === 'guest' && config.defaultPass === 'guest';
  // The password is for the reader to fill in: banners end up in logs.
  const user = known ? '' : `${encodeURIComponent(config.defaultUser)}:PASSWORD@`;
  const vhost = config.defaultVhost === '/' ? '' : `/${encodeURIComponent(config.defaultVhost)}`;
  const host = reachable(address);
  const isDefault = host === `localhost:${PORT_DEFAULT}` && address.isTls !== true;
  if (user === '' && vhost === '' && isDefault) return '';
  const scheme = address.isTls === true ? 'amqps' : 'amqp';
  return ` ${scheme}://${user}${host}${vhost}`;
}

/** An address that a client on this machine can connect to. */
function reachable(address: ListenerAddress): string {
  return ANY_HOSTS.has(address.host) ? `localhost:${address.port}` : listenerText(address);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
