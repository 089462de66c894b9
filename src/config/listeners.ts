// The list of listeners: how one address is written, and what each source does to the list.
// Runs in main only. A source that names listeners replaces the list of the sources below it; a
// bare port or host (flags --port, --host; RABBITMQ_NODE_PORT, RABBITMQ_NODE_IP_ADDRESS) changes
// that part of every address and never opens a host that was not asked for.
import { isIP } from 'node:net';
import type { ListenerAddress } from './broker-config.ts';
import { parseHost } from './host.ts';
import { PORT_MAX, parseInteger } from './value-parser.ts';

/** Every IPv4 and IPv6 address. */
const ANY_HOST = '::';

/** `5672`, `127.0.0.1:5672`, `[::1]:5672`, or RabbitMQ's `::1:5672`; undefined when it is none. */
export function parseListener(text: string): ListenerAddress | undefined {
  const bare = parseInteger(text);
  if (bare !== undefined) return bare <= PORT_MAX ? { host: ANY_HOST, port: bare } : undefined;
  const match = /^(.+):(\d{1,5})$/u.exec(text);
  if (match === null) return undefined;
  const host = parseHost(match[1]);
  const port = Number(match[2]);
  return host === undefined || port > PORT_MAX ? undefined : { host, port };
}

export function listenerText({ host, port }: ListenerAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

export function withPort(list: readonly ListenerAddress[], port: number): ListenerAddress[] {
  return [...new Set(list.map(({ host }) => host))].map((host) => ({ host, port }));
}

export function withHost(list: readonly ListenerAddress[], host: string): ListenerAddress[] {
  return [...new Set(list.map(({ port }) => port))].map((port) => ({ host, port }));
}

/** `0.0.0.0:N` beside `:::N`, a usual pair for RabbitMQ, is one dual-stack listener here. */
export function mergeDualStack(list: readonly ListenerAddress[]): ListenerAddress[] {
  const dual = new Set(list.filter(({ host }) => host === ANY_HOST).map(({ port }) => port));
  return list.filter(({ host, port }) => host !== '0.0.0.0' || !dual.has(port));
}

/** Whether the system would refuse to listen on both. Port 0 is a different port each time. */
export function overlaps(one: ListenerAddress, other: ListenerAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  if (one.host === other.host || one.host === ANY_HOST || other.host === ANY_HOST) return true;
  const isV4 = (host: string) => isIP(host) === 4;
  return (
    (one.host === '0.0.0.0' && isV4(other.host)) || (other.host === '0.0.0.0' && isV4(one.host))
  );
}
