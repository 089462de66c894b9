// What happens in the broker, as events for those who listen: RabbitMQ's keys and property names
// (https://www.rabbitmq.com/docs/event-exchange). Main thread. Without listeners nothing is made.
// The bindings that a queue or exchange takes with it have their events before it, as in RabbitMQ.
import type { ConnectionInfo, ResourceAlarm } from '../acceptor/control-messages.ts';
import type { Account } from '../auth/users.ts';
import type { BrokerEvent, EventValue } from '../plugins/plugin.ts';
import type { BindingSpec, Change } from '../routing/change.ts';
import type { Topology } from '../topology/topology.ts';
import { AccountEvents } from './account-events.ts';
import type { AccountFact, Fact } from './facts/fact.ts';
import { KnownBindings } from './known-bindings.ts';

export type Listener = (event: BrokerEvent) => void;
type Properties = Readonly<Record<string, EventValue>>;

export class BrokerEvents {
  private readonly listeners: Listener[];
  private readonly accounts: AccountEvents;
  private readonly bindings: KnownBindings;

  constructor() {
    this.listeners = [];
    this.accounts = new AccountEvents();
    this.bindings = new KnownBindings();
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  /** What there is at the start. */
  know(accounts: Iterable<Account>, topology: Pick<Topology, 'vhosts' | 'bindings'>): void {
    if (this.listeners.length === 0) return;
    this.accounts.know(accounts);
    this.bindings.know(topology);
  }

  /** A revision is in force and durable. */
  changed(changes: readonly Change[], facts: readonly Fact[]): void {
    if (this.listeners.length === 0) return;
    for (const change of changes) {
      for (const gone of this.bindings.changed(change)) this.unbound(change.vhost, gone);
      this.change(change);
    }
    for (const fact of facts) {
      const event = this.accounts.of(fact as AccountFact);
      if (event !== undefined) this.emit(event.key, event.properties);
    }
  }

  connectionOpened(info: ConnectionInfo): void {
    this.emit('connection.created', {
      ...connectionProperties(info),
      client_properties: info.clientProperties,
      connected_at: info.connectedAtMillis,
      protocol: 'AMQP 0-9-1',
    });
  }

  connectionClosed(info: ConnectionInfo): void {
    this.emit('connection.closed', connectionProperties(info));
  }

  /** `succeeded`: the password was right. */
  loginTried(username: string, succeeded: boolean, remoteAddress: string): void {
    const key = `user.authentication.${succeeded ? 'success' : 'failure'}`;
    this.emit(key, { name: username, peer_host: remoteAddress });
  }

  alarm({ resource, vhost }: ResourceAlarm, isSet: boolean): void {
    this.emit(isSet ? 'alarm.set' : 'alarm.cleared', { source: resource, vhost });
  }

  private emit(key: string, properties: Properties): void {
    if (this.listeners.length === 0) return;
    const event = { key, timestampMillis: Date.now(), properties };
    for (const listener of this.listeners) listener(event);
  }

  private change(change: Change): void {
    const { vhost } = change;
    switch (change.kind) {
      case 'vhost-created':
        return this.emit('vhost.created', { name: vhost });
      case 'vhost-deleted':
        return this.emit('vhost.deleted', { name: vhost });
      case 'exchange-declared': {
        const { name, type, durable, autoDelete, internal, arguments: table } = change.exchange;
        const flags = { durable, auto_delete: autoDelete, internal };
        return this.emit('exchange.created', { name, vhost, type, ...flags, arguments: table });
      }
      case 'exchange-deleted':
        return this.emit('exchange.deleted', { name: change.name, vhost });
      case 'queue-declared':
      case 'queue-deleted':
        return this.queue(change);
      case 'bound':
        return this.emit('binding.created', bindingProperties(vhost, change.binding));
      case 'unbound':
        return this.unbound(vhost, change.binding);
      case 'queue-updated':
      case 'exchange-updated':
        // policy.set says what is behind it.
        return undefined;
    }
  }

  private queue({ kind, vhost, queue }: Extract<Change, { readonly queue: unknown }>): void {
    const { name, durable, autoDelete, exclusiveOwner, arguments: table } = queue;
    // Not for clients to see.
    if (queue.companion !== undefined) return;
    if (kind === 'queue-deleted') {
      this.emit('queue.deleted', { name, vhost });
      return;
    }
    this.emit('queue.created', {
      name,
      vhost,
      durable,
      auto_delete: autoDelete,
      exclusive: exclusiveOwner !== 0,
      arguments: table,
    });
  }

  private unbound(vhost: string, binding: BindingSpec): void {
    this.emit('binding.deleted', bindingProperties(vhost, binding));
  }
}

function bindingProperties(vhost: string, binding: BindingSpec): Properties {
  return {
    vhost,
    source_name: binding.source,
    source_kind: 'exchange',
    destination_name: binding.destination,
    destination_kind: binding.destinationKind,
    routing_key: binding.routingKey,
    arguments: binding.arguments,
  };
}

function connectionProperties({ id, name, user, vhost }: ConnectionInfo): Properties {
  return { id, name, user, vhost };
}
