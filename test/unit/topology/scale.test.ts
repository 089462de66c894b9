// Many queues and bindings: a delete that scanned everything would make these tests take minutes
// instead of a moment (the runner's time limit is the only clock here), and nothing may be left.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { accepted, binding, deleteExchange, exchange, queue, topologyWith } from './commanding.ts';

const COUNT = 20_000;

describe('a large topology', () => {
  it('creates and deletes 20,000 queues bound to two exchanges', () => {
    const topology = topologyWith(exchange('x'), exchange('y'));
    for (let n = 0; n < COUNT; n += 1) {
      topology.execute(queue(`q${n}`));
      topology.execute(binding('bind', 'x', `q${n}`));
      topology.execute(binding('bind', 'y', `q${n}`));
    }
    expect(topology.snapshot()).toHaveLength(1 + 7 + 2 + 3 * COUNT);
    for (let queueId = 1; queueId <= COUNT; queueId += 1) {
      topology.execute({ kind: 'queue-gone', queueId });
    }
    expect(topology.snapshot()).toHaveLength(1 + 7 + 2);
    expect(accepted(topology, deleteExchange('x', true))).toHaveLength(1);
  });

  it('deletes an exchange with 20,000 bindings, and all exclusive queues at once', () => {
    const topology = topologyWith(exchange('x'));
    for (let n = 0; n < COUNT; n += 1) {
      topology.execute(queue(`q${n}`, { exclusive: true }));
      topology.execute(binding('bind', 'x', `q${n}`));
    }
    expect(accepted(topology, deleteExchange('x'))).toHaveLength(1);
    expect([...topology.bindings('/')]).toEqual([]);
    const closed = accepted(topology, { kind: 'connection-closed', connectionId: 1 });
    expect(closed).toHaveLength(COUNT);
    expect([...topology.queues('/')]).toEqual([]);
  });

  it('serves 20,000 connections that come and go', () => {
    const topology = topologyWith();
    for (let connectionId = 1; connectionId <= COUNT; connectionId += 1) {
      topology.execute(queue('', { exclusive: true, connectionId }));
      topology.execute({ kind: 'connection-closed', connectionId });
    }
    expect(topology.snapshot()).toHaveLength(1 + 7);
  });

  it('keeps nothing at all of what is gone', () => {
    const topology = topologyWith();
    const everything = () => inspect(topology, { depth: 10 }).replace(/nextId: \d+/, 'nextId: any');
    const before = everything();
    topology.execute({ kind: 'create-vhost', vhost: 'v' });
    for (const vhost of ['/', 'v']) {
      for (const name of ['x', 'y']) topology.execute(exchange(name, { vhost }));
      for (const name of ['q', 'r']) topology.execute(queue(name, { vhost, exclusive: true }));
      topology.execute(binding('bind', 'x', 'q', { vhost }));
      topology.execute(binding('bind', 'y', 'r', { vhost }));
      topology.execute(binding('bind', 'x', 'y', { vhost, destinationKind: 'exchange' }));
    }
    expect(everything()).not.toBe(before);
    topology.execute(binding('unbind', 'y', 'r'));
    topology.execute({ kind: 'queue-gone', queueId: 1 });
    topology.execute({ kind: 'delete-vhost', vhost: 'v' });
    topology.execute({ kind: 'connection-closed', connectionId: 1 });
    for (const name of ['x', 'y']) topology.execute(deleteExchange(name));
    expect(everything()).toBe(before);
  });
});
