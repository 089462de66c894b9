// All virtual hosts of the broker as one thread sees them.
import { describe, expect, it } from 'vitest';
import { BrokerRoutes } from '../../../src/routing/broker-routes.ts';
import { Resolution } from '../../../src/routing/resolution.ts';
import { PLAIN_MESSAGE } from '../../../src/routing/routed-message.ts';
import { bindingSpec, exchangeSpec, queueSpec } from './vhost-fixture.ts';

function brokerWith(...vhosts: readonly string[]): BrokerRoutes {
  const broker = new BrokerRoutes();
  for (const vhost of vhosts) broker.apply({ kind: 'vhost-created', vhost });
  return broker;
}

describe('the routes of a broker', () => {
  it('keep virtual hosts apart', () => {
    const broker = brokerWith('a', 'b');
    const queue = queueSpec('q', 1);
    broker.apply({ kind: 'queue-declared', vhost: 'a', queue });
    expect(broker.vhost('a')?.queue('q')).toBe(queue);
    expect(broker.vhost('b')?.queue('q')).toBeUndefined();
    expect(broker.vhost('c')).toBeUndefined();
    expect([broker.vhost('a')?.revision, broker.vhost('b')?.revision]).toEqual([1, 0]);
  });

  it('carry each kind of change to its virtual host', () => {
    const broker = brokerWith('a');
    const queue = queueSpec('q', 1);
    const binding = bindingSpec('x', 'q', 'k');
    const resolution = new Resolution();
    const queuesOf = () => {
      broker.vhost('a')!.resolve('x', 'k', PLAIN_MESSAGE, resolution);
      return resolution.queues.map((q) => q.name);
    };
    broker.apply({ kind: 'exchange-declared', vhost: 'a', exchange: exchangeSpec('x', 'direct') });
    broker.apply({ kind: 'queue-declared', vhost: 'a', queue });
    broker.apply({ kind: 'bound', vhost: 'a', binding, durable: true });
    expect(queuesOf()).toEqual(['q']);
    broker.apply({ kind: 'unbound', vhost: 'a', binding, durable: true });
    expect(queuesOf()).toEqual([]);
    broker.apply({ kind: 'queue-deleted', vhost: 'a', queue });
    expect(broker.vhost('a')?.queueById(1)).toBeUndefined();
    broker.apply({ kind: 'exchange-deleted', vhost: 'a', name: 'x', durable: true });
    expect(broker.vhost('a')?.exchange('x')).toBeUndefined();
  });

  it('start anew with a virtual host that is created again', () => {
    const broker = brokerWith('a');
    broker.apply({ kind: 'queue-declared', vhost: 'a', queue: queueSpec('q', 1) });
    const old = broker.vhost('a');
    broker.apply({ kind: 'vhost-deleted', vhost: 'a' });
    expect(broker.vhost('a')).toBeUndefined();
    broker.apply({ kind: 'vhost-created', vhost: 'a' });
    expect(broker.vhost('a')).not.toBe(old);
    expect(broker.vhost('a')?.queue('q')).toBeUndefined();
  });

  it('let removals come after the virtual host has gone, but nothing else', () => {
    const broker = brokerWith();
    const queue = queueSpec('q', 1);
    const binding = bindingSpec('x', 'q', 'k');
    broker.apply({ kind: 'queue-deleted', vhost: 'gone', queue });
    broker.apply({ kind: 'exchange-deleted', vhost: 'gone', name: 'x', durable: true });
    broker.apply({ kind: 'unbound', vhost: 'gone', binding, durable: true });
    broker.apply({ kind: 'vhost-deleted', vhost: 'gone' });
    expect(broker.vhost('gone')).toBeUndefined();
    const late = () => broker.apply({ kind: 'queue-declared', vhost: 'gone', queue });
    expect(late).toThrow("vhost 'gone' is not known here");
    const twice = () => brokerWith('a').apply({ kind: 'vhost-created', vhost: 'a' });
    expect(twice).toThrow("vhost 'a' exists already");
  });
});
