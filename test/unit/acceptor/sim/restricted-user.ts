// Test support: a user of the one-thread broker whose permissions a test chooses, and what the broker
// answers to it.
import { hashPassword } from '../../../../src/auth/password.ts';
import type { Permission, TopicPermission } from '../../../../src/auth/users.ts';
import type { MethodFields, MethodName } from '../../../support/wire/methods.ts';
import { SimBroker, type SimOptions } from './sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim-client.ts';

const NONE: Permission = { configure: '', write: '', read: '' };
export const ALL: Permission = { configure: '.*', write: '.*', read: '.*' };

export const refusedText = (permission: string, what: string): string =>
  `403 ACCESS_REFUSED - ${permission} access to ${what} in vhost '/' refused for user 'u'`;

export class RestrictedUser {
  readonly broker: SimBroker;
  client!: SimClient;

  constructor(broker: SimBroker) {
    this.broker = broker;
  }

  /** Two acceptors; the user is on the second. */
  static async start(options: SimOptions = {}): Promise<RestrictedUser> {
    return new RestrictedUser(await SimBroker.start({ acceptors: 2, ...options }));
  }

  /** Queues and exchanges that another user has made, and a connection of user `u`. */
  async connect(permission: Partial<Permission>, tags: readonly string[] = []): Promise<void> {
    const owner = await this.broker.open(1);
    owner.method(1, 'queue.declare', { queue: 'q' });
    owner.method(1, 'exchange.declare', { exchange: 'x', type: 'direct' });
    owner.method(1, 'exchange.declare', { exchange: 'y', type: 'fanout' });
    owner.method(1, 'exchange.declare', { exchange: 't', type: 'topic' });
    owner.method(1, 'exchange.declare', { exchange: 'hidden', type: 'fanout', internal: true });
    await owner.exchange();
    await this.set(tags);
    await this.permit(permission);
    await this.reconnect(1);
  }

  async reconnect(acceptor = 0): Promise<void> {
    this.client = await this.broker.open(1, acceptor, { user: 'u' });
  }

  async set(tags: readonly string[]): Promise<void> {
    const passwordHash = hashPassword('u');
    const account = { name: 'u', passwordHash, hashingAlgorithm: 'sha256', tags } as const;
    await this.broker.control.record({ kind: 'user-set', account });
  }

  async permit(given: Partial<Permission>, vhost = '/'): Promise<void> {
    const permission = { ...NONE, ...given };
    await this.broker.control.record({ kind: 'permission-set', user: 'u', vhost, permission });
  }

  async permitTopics(permission: TopicPermission, exchange = 'amq.topic'): Promise<void> {
    const of = { user: 'u', vhost: '/', exchange };
    await this.broker.control.record({ kind: 'topic-permission-set', ...of, permission });
  }

  async answerTo<Name extends MethodName>(
    name: Name,
    fields: Partial<MethodFields<Name>>,
    channel = 1,
  ): Promise<unknown> {
    this.client.method(channel, name, fields);
    return outcome(await this.client.exchange());
  }

  /** Publishes one message that no queue gets: basic.return, or how it was refused. */
  async published(exchange: string, routingKey = '', properties = {}): Promise<unknown> {
    const target = { exchange, routingKey, mandatory: true };
    this.client.send(...publishFrames(1, target, 'm', properties));
    return outcome(await this.client.exchange());
  }
}

/** What the broker closed the channel or the connection with, or else the name of its answer. */
export function outcome(received: readonly Received[]): unknown {
  const close = received.find(({ name }) => name.endsWith('.close'));
  if (close === undefined) return received.at(-1)?.name;
  return `${String(close.fields['code'])} ${String(close.fields['text'])}`;
}
