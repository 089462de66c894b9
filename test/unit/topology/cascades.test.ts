// Auto-delete exchanges: they go with their last binding as source, and take others with them.
// The rules were found by playing such cases to a RabbitMQ 3.10.8.
import { describe, expect, it } from 'vitest';
import {
  accepted,
  binding,
  deleteExchange,
  exchange,
  queue,
  topologyWith,
  toExchange,
  words,
} from './commanding.ts';

const auto = (name: string) => exchange(name, { autoDelete: true });
const chain = () =>
  topologyWith(
    auto('a'),
    auto('b'),
    queue('q', { exclusive: true, connectionId: 7 }),
    binding('bind', 'a', 'b', toExchange),
    binding('bind', 'b', 'q', { connectionId: 7 }),
  );

describe('auto-delete exchanges', () => {
  it('go when their last binding is removed, not before', () => {
    const topology = topologyWith(
      auto('a'),
      queue('q'),
      binding('bind', 'a', 'q', { routingKey: '1' }),
      binding('bind', 'a', 'q', { routingKey: '2' }),
    );
    expect(words(accepted(topology, binding('unbind', 'a', 'q', { routingKey: '1' })))).toEqual([
      'unbound a -> q',
    ]);
    expect(words(accepted(topology, binding('unbind', 'a', 'q', { routingKey: '2' })))).toEqual([
      'unbound a -> q',
      'exchange-deleted a',
    ]);
  });

  it('stay while nothing was ever bound', () => {
    const topology = topologyWith(auto('a'));
    accepted(topology, binding('unbind', 'a', 'q'));
    expect([...topology.exchanges('/')].map(({ name }) => name)).toContain('a');
  });

  it('go in a chain when the queue at its end goes', () => {
    const topology = chain();
    expect(words(accepted(topology, { kind: 'queue-gone', queueId: 1 }))).toEqual([
      'queue-deleted q',
      'exchange-deleted b',
      'exchange-deleted a',
    ]);
    expect([...topology.bindings('/')]).toEqual([]);
  });

  it('go in a chain when the connection of an exclusive queue closes', () => {
    const changes = accepted(chain(), { kind: 'connection-closed', connectionId: 7 });
    expect(words(changes)).toEqual(['queue-deleted q', 'exchange-deleted b', 'exchange-deleted a']);
  });

  it('go when their destination exchange is deleted', () => {
    expect(words(accepted(chain(), deleteExchange('b')))).toEqual([
      'exchange-deleted b',
      'exchange-deleted a',
    ]);
  });

  it('stay when only what they are bound TO goes: being a destination does not count', () => {
    const topology = topologyWith(
      exchange('s1'),
      auto('s2'),
      exchange('s3'),
      binding('bind', 's1', 's2', toExchange),
      binding('bind', 's2', 's3', toExchange),
    );
    expect(words(accepted(topology, deleteExchange('s1')))).toEqual(['exchange-deleted s1']);
  });

  it('in a cycle keep each other', () => {
    const topology = topologyWith(
      auto('a'),
      auto('b'),
      queue('q'),
      binding('bind', 'a', 'b', toExchange),
      binding('bind', 'b', 'a', toExchange),
      binding('bind', 'a', 'q'),
    );
    expect(words(accepted(topology, binding('unbind', 'a', 'q')))).toEqual(['unbound a -> q']);
    expect(words(accepted(topology, deleteExchange('a')))).toEqual([
      'exchange-deleted a',
      'exchange-deleted b',
    ]);
    expect([...topology.bindings('/')]).toEqual([]);
  });

  it('bound to themselves go with that binding', () => {
    const topology = topologyWith(auto('a'), binding('bind', 'a', 'a', toExchange));
    expect(words(accepted(topology, binding('unbind', 'a', 'a', toExchange)))).toEqual([
      'unbound a -> a',
      'exchange-deleted a',
    ]);
  });

  it('fall like dominoes however long the chain is', () => {
    const length = 20_000;
    const topology = topologyWith(queue('q'));
    for (let n = 0; n < length; n += 1) topology.execute(auto(`x${n}`));
    for (let n = 1; n < length; n += 1) {
      topology.execute(binding('bind', `x${n}`, `x${n - 1}`, toExchange));
    }
    topology.execute(binding('bind', 'x0', 'q'));
    const changes = accepted(topology, { kind: 'queue-gone', queueId: 1 });
    expect(changes).toHaveLength(length + 1);
    expect([...topology.bindings('/')]).toEqual([]);
  });
});
