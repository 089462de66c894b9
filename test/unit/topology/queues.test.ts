// queue.declare, queue-gone and connection-closed: codes and texts as a RabbitMQ 3.10.8 gave them
// (4.x for x-queue-type, which it compares as 'classic' when absent).
import { describe, expect, it } from 'vitest';
import { Double } from '../../../src/protocol/field-table.ts';
import type { Command } from '../../../src/topology/command.ts';
import { Topology } from '../../../src/topology/topology.ts';
import {
  accepted,
  args,
  binding,
  declared,
  deleteExchange,
  exchange,
  queue,
  refused,
  topologyWith,
  words,
} from './commanding.ts';

const OWNER = 7;
const STRANGER = 8;
const exclusive = (connectionId: number) => ({ exclusive: true, connectionId });

const withQueues = () =>
  topologyWith(
    queue('q'),
    queue('qt', args({ 'x-message-ttl': 5 })),
    queue('qq', args({ 'x-queue-type': 'quorum' })),
    queue('eq', exclusive(OWNER)),
  );

const locked = (name: string) =>
  `405 cannot obtain exclusive access to locked queue '${name}' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`;
const inequivalentTtl = "406 inequivalent arg 'x-message-ttl' for queue";

describe('refused declarations', () => {
  it.each<[string, Command, string]>([
    [
      'other durability',
      queue('q', { durable: false }),
      "406 inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'",
    ],
    [
      'other auto-delete',
      queue('q', { autoDelete: true }),
      "406 inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'",
    ],
    ['exclusive where it is not', queue('q', exclusive(OWNER)), locked('q')],
    ['not exclusive where it is', queue('eq', { connectionId: OWNER }), locked('eq')],
    ['exclusive elsewhere', queue('eq', exclusive(STRANGER)), locked('eq')],
    [
      'locked, before any other difference',
      queue('eq', { connectionId: STRANGER, autoDelete: true, ...args({ 'x-message-ttl': 4 }) }),
      locked('eq'),
    ],
    [
      'an argument too many',
      queue('q', args({ 'x-message-ttl': 5 })),
      `${inequivalentTtl} 'q' in vhost '/': received the value '5' of type 'signedint' but current is none`,
    ],
    [
      'an argument too few',
      queue('qt'),
      `${inequivalentTtl} 'qt' in vhost '/': received none but current is the value '5' of type 'signedint'`,
    ],
    [
      'another value',
      queue('qt', args({ 'x-message-ttl': 6 })),
      `${inequivalentTtl} 'qt' in vhost '/': received '6' but current is '5'`,
    ],
    [
      'another type that prints alike',
      queue('qt', args({ 'x-message-ttl': '5' })),
      `${inequivalentTtl} 'qt' in vhost '/': received '5' but current is '5' (received type 'longstr', current type 'signedint')`,
    ],
    [
      'a float of the same value',
      queue('qt', args({ 'x-message-ttl': new Double(5) })),
      `${inequivalentTtl} 'qt' in vhost '/': received '5.0' but current is '5'`,
    ],
    [
      'another queue type',
      queue('q', args({ 'x-queue-type': 'quorum' })),
      "406 inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'",
    ],
    [
      'no queue type where it is quorum',
      queue('qq'),
      "406 inequivalent arg 'x-queue-type' for queue 'qq' in vhost '/': received 'classic' but current is 'quorum'",
    ],
    [
      'a reserved name',
      queue('amq.foo'),
      "403 queue name 'amq.foo' contains reserved prefix 'amq.*'",
    ],
    [
      'a name over 255 bytes',
      queue('n'.repeat(256)),
      '406 invalid queue name: expected 1 to 255 bytes, received 256',
    ],
    ['an unknown vhost', queue('q', { vhost: 'nope' }), '530 vhost nope not found'],
    [
      'a server-named quorum queue',
      queue('', args({ 'x-queue-type': 'quorum' })),
      '406 Cannot declare a server-named queue for type rabbit_quorum_queue',
    ],
  ])('%s', (_, command, expected) => {
    expect(refused(withQueues(), command)).toBe(expected);
  });

  it('takes no exclusive queue that nobody owns', () => {
    expect(() => withQueues().execute(queue('e', exclusive(0)))).toThrow('without a connection');
  });
});

describe('accepted declarations', () => {
  it('gives a new queue the next id and a shard, and answers with it', () => {
    const topology = withQueues();
    const outcome = topology.execute(queue('a\r\nb', { autoDelete: true, ...args({ foo: 1 }) }));
    expect(outcome.queue).toMatchObject({
      id: 5,
      name: 'ab',
      durable: true,
      autoDelete: true,
      exclusiveOwner: 0,
      arguments: { foo: 1 },
    });
    expect(outcome.changes).toEqual([{ kind: 'queue-declared', vhost: '/', queue: outcome.queue }]);
    expect([...topology.queues('/')]).toContain(outcome.queue);
  });

  it.each<[string, Command, string]>([
    ['an equivalent one', queue('q'), 'q'],
    ['unknown arguments', queue('q', args({ foo: 1 })), 'q'],
    ['the default type spelled out', queue('q', args({ 'x-queue-type': 'classic' })), 'q'],
    ['the same integer in 64 bits', queue('qt', args({ 'x-message-ttl': 5n })), 'qt'],
    ['an exclusive one by its owner', queue('eq', exclusive(OWNER)), 'eq'],
    [
      'an exclusive one as transient: it was never durable',
      queue('eq', { durable: false, ...exclusive(OWNER) }),
      'eq',
    ],
    ['a quorum one', queue('qq', args({ 'x-queue-type': 'quorum' })), 'qq'],
  ])('redeclaring %s finds it and changes nothing', (_, command, name) => {
    const { changes, refusal, queue: found } = withQueues().execute(command);
    expect([changes, refusal, found?.name]).toEqual([[], undefined, name]);
  });

  it('keeps equal names in other vhosts apart', () => {
    const topology = withQueues();
    accepted(topology, { kind: 'create-vhost', vhost: 'other' });
    const other = declared(topology, queue('q', { vhost: 'other', durable: false }));
    expect(other.id).toBe(5);
    expect([...topology.queues('/')].find(({ name }) => name === 'q')?.id).toBe(1);
  });

  it('never reuses an id', () => {
    const topology = topologyWith();
    const first = declared(topology, queue('q'));
    accepted(topology, { kind: 'queue-gone', queueId: first.id });
    expect(declared(topology, queue('q')).id).toBe(first.id + 1);
  });
});

describe('server-named queues', () => {
  it('are called amq.gen- and 22 characters of base64url', () => {
    const topology = topologyWith();
    const first = declared(topology, queue(''));
    const second = declared(topology, queue('\r\n'));
    expect(first.name).toMatch(/^amq\.gen-[A-Za-z0-9_-]{22}$/);
    expect(second.name).toMatch(/^amq\.gen-[A-Za-z0-9_-]{22}$/);
    expect(second.name).not.toBe(first.name);
  });

  it('take their names from the random source, again if one is taken', () => {
    const fills = [1, 1, 2];
    const topology = new Topology({
      shardCount: 1,
      randomBytes: (bytes) => new Uint8Array(bytes).fill(fills.shift()!),
    });
    topology.execute({ kind: 'create-vhost', vhost: '/' });
    expect(declared(topology, queue('')).name).toBe('amq.gen-AQEBAQEBAQEBAQEBAQEBAQ');
    expect(declared(topology, queue('')).name).toBe('amq.gen-AgICAgICAgICAgICAgICAg');
    expect(fills).toEqual([]);
  });
});

describe('the end of queues', () => {
  it('queue-gone deletes the queue once', () => {
    const topology = topologyWith(exchange('x'), queue('q'), binding('bind', 'x', 'q'));
    const gone: Command = { kind: 'queue-gone', queueId: 1 };
    expect(words(accepted(topology, gone))).toEqual(['queue-deleted q']);
    expect([...topology.bindings('/')]).toEqual([]);
    expect(accepted(topology, gone)).toEqual([]);
    expect(accepted(topology, deleteExchange('x', true))).toHaveLength(1);
  });

  it('queue-gone of an older queue leaves the one declared since', () => {
    const topology = topologyWith(queue('q'));
    accepted(topology, { kind: 'queue-gone', queueId: 1 });
    accepted(topology, queue('q'));
    expect(accepted(topology, { kind: 'queue-gone', queueId: 1 })).toEqual([]);
    expect([...topology.queues('/')]).toHaveLength(1);
  });

  it('connection-closed deletes the exclusive queues of that connection, in all vhosts', () => {
    const topology = topologyWith(queue('q'), queue('e1', exclusive(OWNER)));
    accepted(topology, { kind: 'create-vhost', vhost: 'other' });
    accepted(topology, queue('e2', { vhost: 'other', ...exclusive(OWNER) }));
    accepted(topology, queue('e3', exclusive(STRANGER)));
    const closed: Command = { kind: 'connection-closed', connectionId: OWNER };
    expect(words(accepted(topology, closed))).toEqual(['queue-deleted e1', 'queue-deleted e2']);
    expect(accepted(topology, closed)).toEqual([]);
    expect([...topology.queues('/')].map(({ name }) => name)).toEqual(['q', 'e3']);
  });
});
