// The exchanges every virtual host has from its creation (specification 3.1.3.1 and 3.1.3.3;
// RabbitMQ's rabbit_vhost adds amq.match and amq.rabbitmq.trace). Main thread.
import type { ExchangeSpec } from '../routing/change.ts';

function predeclared(name: string, type: string, internal = false): ExchangeSpec {
  return { name, type, durable: true, autoDelete: false, internal, arguments: {} };
}

export const PREDECLARED_EXCHANGES: readonly ExchangeSpec[] = [
  predeclared('', 'direct'),
  predeclared('amq.direct', 'direct'),
  predeclared('amq.topic', 'topic'),
  predeclared('amq.fanout', 'fanout'),
  predeclared('amq.headers', 'headers'),
  predeclared('amq.match', 'headers'),
  predeclared('amq.rabbitmq.trace', 'topic', true),
];

const NAMES: ReadonlySet<string> = new Set(PREDECLARED_EXCHANGES.map(({ name }) => name));

export function isPredeclared(name: string): boolean {
  return NAMES.has(name);
}
