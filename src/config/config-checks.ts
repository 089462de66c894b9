// What only shows when the whole configuration is seen. Runs in main only. Problems name the place
// of the key that is to be changed.
import type { BrokerConfig, ListenerAddress } from './broker-config.ts';
import { listenerText, overlaps } from './listeners.ts';
import { checkTls } from './tls-checks.ts';
import { sizeText } from './value-parser.ts';

/** `sources`: where each key was set. */
export function checkConfig(
  config: BrokerConfig,
  sources: ReadonlyMap<string, string>,
  problems: string[],
): void {
  const place = (key: string) => sources.get(key)!;
  if (config.listeners.length === 0 && config.sslListeners.length === 0 && problems.length === 0) {
    problems.push(`${place('listeners.tcp')}: no listener is left (listeners.tcp, listeners.ssl)`);
  }
  checkOverlaps(config, place, problems);
  checkTls(config, place, problems);
  if (config.frameMax < config.frameMaxFloor) {
    problems.push(
      `${place('frame_max')}: frame_max must be at least compat.frame_max_floor ` +
        `(${config.frameMaxFloor}), found ${config.frameMax}`,
    );
  }
  if (config.inlineBodyBytesMax > config.ringBytes / 4) {
    problems.push(
      `${place('ring.inline_body_max')}: ring.inline_body_max must be at most a quarter of ` +
        `ring.bytes (${sizeText(config.ringBytes)}), ` +
        `found ${sizeText(config.inlineBodyBytesMax)}`,
    );
  }
}

interface KeyedAddress extends ListenerAddress {
  readonly key: string;
}

function addressesOf(config: BrokerConfig): KeyedAddress[] {
  const { managementHost, managementPort, managementSslHost, managementSslPort } = config;
  const all: KeyedAddress[] = [
    ...config.listeners.map((address) => ({ ...address, key: 'listeners.tcp' })),
    ...config.sslListeners.map((address) => ({ ...address, key: 'listeners.ssl' })),
  ];
  if (managementPort !== undefined) {
    all.push({ host: managementHost, port: managementPort, key: 'management.tcp.port' });
  }
  if (managementSslPort !== undefined) {
    all.push({ host: managementSslHost, port: managementSslPort, key: 'management.ssl.port' });
  }
  return all;
}

function checkOverlaps(
  config: BrokerConfig,
  place: (key: string) => string,
  problems: string[],
): void {
  const all = addressesOf(config);
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1).filter((each) => overlaps(one, each))) {
      problems.push(
        `${one.key} (${place(one.key)}) and ${other.key} (${place(other.key)}) both listen on ` +
          `port ${one.port}: ${listenerText(one)} and ${listenerText(other)}`,
      );
    }
  }
}
