// Test fixture: one virtual host's routes, fed with changes in few words.
import type {
  BindingSpec,
  DestinationKind,
  ExchangeSpec,
  QueueSpec,
} from '../../../src/routing/change.ts';
import { companionName, type CompanionRole } from '../../../src/routing/companion.ts';
import { Resolution } from '../../../src/routing/resolution.ts';
import { VhostRoutes } from '../../../src/routing/vhost-routes.ts';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import type { BasicProperties } from '../../../src/protocol/properties.ts';

export const VHOST = '/';

export function exchangeSpec(
  name: string,
  type: string,
  more: { internal?: boolean; arguments?: FieldTable } = {},
): ExchangeSpec {
  const flags = { durable: true, autoDelete: false, internal: false, arguments: {} };
  return { name, type, ...flags, ...more };
}

export function queueSpec(name: string, id: number): QueueSpec {
  const flags = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: {} };
  return { id, shard: 0, name, ...flags };
}

export function bindingSpec(
  source: string,
  destination: string,
  routingKey = '',
  args: FieldTable = {},
  destinationKind: DestinationKind = 'queue',
): BindingSpec {
  return { source, destination, destinationKind, routingKey, arguments: args };
}

export class VhostFixture {
  readonly routes = new VhostRoutes(VHOST);
  readonly resolution = new Resolution();
  private lastId = 0;

  exchange(name: string, type: string, more: Parameters<typeof exchangeSpec>[2] = {}): this {
    const exchange = exchangeSpec(name, type, more);
    this.routes.apply({ kind: 'exchange-declared', vhost: VHOST, exchange });
    return this;
  }

  companion(role: CompanionRole, exchange: string): this {
    this.lastId += 1;
    const name = companionName(role, exchange);
    const queue = { ...queueSpec(name, this.lastId), companion: { exchange, role } };
    this.routes.apply({ kind: 'queue-declared', vhost: VHOST, queue });
    return this;
  }

  queue(...names: readonly string[]): this {
    for (const name of names) {
      this.lastId += 1;
      const queue = queueSpec(name, this.lastId);
      this.routes.apply({ kind: 'queue-declared', vhost: VHOST, queue });
    }
    return this;
  }

  bind(source: string, queue: string, key = '', args: FieldTable = {}): this {
    const binding = bindingSpec(source, queue, key, args);
    this.routes.apply({ kind: 'bound', vhost: VHOST, binding, durable: true });
    return this;
  }

  unbind(source: string, queue: string, key = '', args: FieldTable = {}): this {
    const binding = bindingSpec(source, queue, key, args);
    this.routes.apply({ kind: 'unbound', vhost: VHOST, binding, durable: true });
    return this;
  }

  bindExchange(source: string, destination: string, key = '', args: FieldTable = {}): this {
    const binding = bindingSpec(source, destination, key, args, 'exchange');
    this.routes.apply({ kind: 'bound', vhost: VHOST, binding, durable: true });
    return this;
  }

  deleteQueue(name: string): this {
    const queue = this.routes.queue(name);
    if (queue === undefined) throw new Error(`the test has no queue ${name}`);
    this.routes.apply({ kind: 'queue-deleted', vhost: VHOST, queue });
    return this;
  }

  deleteExchange(name: string): this {
    this.routes.apply({ kind: 'exchange-deleted', vhost: VHOST, name, durable: true });
    return this;
  }

  /** The names of the queues a message goes to, in order; not made unique here. */
  route(
    exchange: string,
    key: string | readonly string[],
    headers?: FieldTable,
    properties: BasicProperties = {},
  ): string[] {
    const message = { headers, properties };
    if (typeof key === 'string') this.routes.resolve(exchange, key, message, this.resolution);
    else this.routes.resolveKeys(exchange, key, message, this.resolution);
    return this.resolution.queues.map((queue) => queue.name).sort();
  }
}
