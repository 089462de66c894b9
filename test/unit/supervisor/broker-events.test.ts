// Events of the broker: RabbitMQ's keys and property names for what changes, and for accounts what
// follows from how they were before.
import { beforeEach, describe, expect, it } from 'vitest';
import { BrokerEvents } from '../../../src/supervisor/broker-events.ts';
import type { AccountFact } from '../../../src/supervisor/facts/fact.ts';
import {
  accepted,
  binding,
  deleteExchange,
  exchange,
  queue,
  topologyWith,
} from '../topology/commanding.ts';

const seen: string[] = [];
let events = new BrokerEvents();
beforeEach(() => {
  seen.length = 0;
  events = new BrokerEvents();
  events.subscribe(({ key, properties }) => {
    const { name, user, source, source_name: from } = properties;
    seen.push(`${key} ${String(name ?? user ?? from ?? source)}`);
  });
});

const account = (name: string, passwordHash = 'hash', tags: readonly string[] = []) => ({
  name,
  passwordHash,
  hashingAlgorithm: 'sha256' as const,
  tags,
});
const set = (...args: Parameters<typeof account>): AccountFact => ({
  kind: 'user-set',
  account: account(...args),
});

describe('the events of the topology', () => {
  it('tell what was declared, bound and deleted, but nothing of companion queues', () => {
    const topology = topologyWith();
    const commands = [
      exchange('h', { type: 'x-recent-history' }),
      queue('q'),
      binding('bind', 'h', 'q'),
      binding('unbind', 'h', 'q'),
      { kind: 'queue-gone', queueId: 2 } as const,
      deleteExchange('h'),
      { kind: 'create-vhost', vhost: 'v' } as const,
      { kind: 'delete-vhost', vhost: 'v' } as const,
    ];
    for (const command of commands) events.changed(accepted(topology, command), []);
    expect(seen.filter((one) => !/amq\.|exchange.created $/u.test(one))).toEqual([
      'exchange.created h',
      'queue.created q',
      'binding.created h',
      'binding.deleted h',
      'queue.deleted q',
      'exchange.deleted h',
      'vhost.created v',
      'vhost.deleted v',
    ]);
    expect(seen.some((one) => one.includes('recent-history'))).toBe(false);
  });

  it('tell of bindings that go with an end of theirs, also of those from before the start', () => {
    const topology = topologyWith();
    const commands = [exchange('a'), exchange('b'), queue('q'), binding('bind', 'a', 'q')];
    for (const command of commands) accepted(topology, command);
    events.know([], topology);
    const bindings = [
      { ...binding('bind', 'a', 'b'), destinationKind: 'exchange' as const },
      binding('bind', 'b', 'q', { routingKey: 'k' }),
      binding('bind', 'b', 'q', { routingKey: 'l' }),
      binding('unbind', 'b', 'q', { routingKey: 'l' }),
    ];
    for (const command of bindings) events.changed(accepted(topology, command), []);
    seen.length = 0;
    events.changed(accepted(topology, deleteExchange('b')), []);
    events.changed(accepted(topology, { kind: 'delete-vhost', vhost: '/' }), []);
    expect(seen.slice(0, 5)).toEqual([
      'binding.deleted b',
      'binding.deleted a',
      'exchange.deleted b',
      'binding.deleted a',
      'queue.deleted q',
    ]);
    expect(seen.filter((one) => one.startsWith('binding'))).toHaveLength(3);
  });

  it("have RabbitMQ's properties", () => {
    const all: unknown[] = [];
    events.subscribe((event) => all.push(event));
    const topology = topologyWith();
    events.changed(accepted(topology, queue('q', { arguments: { 'x-max-length': 5 } })), []);
    expect(all).toEqual([
      {
        key: 'queue.created',
        timestampMillis: expect.any(Number),
        properties: {
          name: 'q',
          vhost: '/',
          durable: true,
          auto_delete: false,
          exclusive: false,
          arguments: { 'x-max-length': 5 },
        },
      },
    ]);
  });
});

describe('the events of accounts', () => {
  it('follow from what a user was before', () => {
    events.know([account('old')], topologyWith());
    const permission = { configure: '', write: '', read: '' };
    const topic = { write: '', read: '' };
    const parameter = { vhost: '/', component: 'policy', name: 'p', value: {} };
    const facts: AccountFact[] = [
      set('old', 'hash', ['administrator']),
      set('old', 'other', ['administrator']),
      set('old', '', ['administrator']),
      set('new'),
      { kind: 'permission-set', user: 'new', vhost: '/', permission },
      { kind: 'permission-deleted', user: 'new', vhost: '/' },
      { kind: 'topic-permission-set', user: 'new', vhost: '/', exchange: 't', permission: topic },
      { kind: 'topic-permission-deleted', user: 'new', vhost: '/' },
      { kind: 'user-limits-set', user: 'new', limits: { 'max-channels': 5 } },
      { kind: 'user-limits-set', user: 'new', limits: {} },
      { kind: 'user-deleted', user: 'new' },
      set('new'),
      { kind: 'parameter-set', parameter },
      { kind: 'parameter-deleted', parameter },
      { kind: 'parameter-set', parameter: { ...parameter, component: 'shovel' } },
      { kind: 'parameter-deleted', parameter: { ...parameter, component: 'shovel' } },
    ];
    events.changed([], facts);
    expect(seen).toEqual([
      'user.tags.set old',
      'user.password.changed old',
      'user.password.cleared old',
      'user.created new',
      'permission.created new',
      'permission.deleted new',
      'topic.permission.created new',
      'topic.permission.deleted new',
      'user.limits.set new',
      'user.limits.cleared new',
      'user.deleted new',
      'user.created new',
      'policy.set p',
      'policy.cleared p',
      'parameter.set p',
      'parameter.cleared p',
    ]);
  });
});

describe('the other events', () => {
  it('tell of connections, logins and alarms', () => {
    const info = { id: 1, name: 'a -> b', user: 'u', vhost: '/' };
    events.connectionOpened({ ...info, connectedAtMillis: 5, clientProperties: {} });
    events.connectionClosed(info as never);
    events.loginTried('u', true, '127.0.0.1');
    events.loginTried('u', false, '127.0.0.1');
    const alarm = { resource: 'memory', vhost: undefined, usedBytes: 1, limitBytes: 1 } as const;
    events.alarm(alarm, true);
    events.alarm(alarm, false);
    expect(seen).toEqual([
      'connection.created a -> b',
      'connection.closed a -> b',
      'user.authentication.success u',
      'user.authentication.failure u',
      'alarm.set memory',
      'alarm.cleared memory',
    ]);
  });
});
