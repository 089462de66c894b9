// Companion queues: they come and go with their exchange, are as durable as it is, and no client
// sees, counts or reaches one. Also the declarations of the exchange types that RabbitMQ's plugins
// add, with their texts.
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import type { Command } from '../../../src/topology/command.ts';
import { isDurable, type RestorableChange } from '../../../src/topology/durability.ts';
import { Topology } from '../../../src/topology/topology.ts';
import {
  accepted,
  args,
  binding,
  deleteExchange,
  exchange,
  queue,
  refused,
  topologyWith,
  toExchange,
  words,
} from './commanding.ts';

const history = (name: string, table: FieldTable = {}) =>
  exchange(name, { type: 'x-recent-history', ...args(table) });
const delayed = (name: string, type: unknown = 'direct') =>
  exchange(name, { type: 'x-delayed-message', ...args({ 'x-delayed-type': type as string }) });

describe('a companion queue', () => {
  it('is declared with its exchange, and only once', () => {
    const topology = topologyWith();
    const changes = accepted(topology, history('h', { 'x-recent-history-length': 3 }));
    expect(words(changes)).toEqual(['exchange-declared h', 'queue-declared amq.recent-history.h']);
    expect(changes[1]).toMatchObject({
      queue: {
        durable: true,
        arguments: { 'x-max-length': 3 },
        companion: { exchange: 'h', role: 'history' },
      },
    });
    expect(accepted(topology, history('h', { 'x-recent-history-length': 3 }))).toEqual([]);
    const other = accepted(topology, { ...delayed('d'), durable: false });
    expect(other[1]).toMatchObject({
      queue: { name: 'amq.delayed.d', durable: false, companion: { exchange: 'd', role: 'delay' } },
    });
  });

  it('keeps 20 messages of a history without a length', () => {
    const [, change] = accepted(topologyWith(), history('h'));
    expect(change).toMatchObject({ queue: { arguments: { 'x-max-length': 20 } } });
  });

  it('has those of the type that is delayed too', () => {
    const changes = accepted(topologyWith(), delayed('d', 'x-recent-history'));
    expect(words(changes).slice(1)).toEqual([
      'queue-declared amq.recent-history.d',
      'queue-declared amq.delayed.d',
    ]);
  });

  it('goes with its exchange, however that goes', () => {
    const topology = topologyWith(delayed('d', 'x-recent-history'), queue('q'));
    expect(words(accepted(topology, deleteExchange('d')))).toEqual([
      'exchange-deleted d',
      'queue-deleted amq.recent-history.d',
      'queue-deleted amq.delayed.d',
    ]);
    accepted(topology, { ...history('auto'), autoDelete: true });
    accepted(topology, binding('bind', 'auto', 'q'));
    expect(words(accepted(topology, binding('unbind', 'auto', 'q')))).toEqual([
      'unbound auto -> q',
      'exchange-deleted auto',
      'queue-deleted amq.recent-history.auto',
    ]);
    accepted(topology, history('h'));
    expect(words(accepted(topology, { kind: 'delete-vhost', vhost: '/' }))).toEqual([
      'queue-deleted q',
      'queue-deleted amq.recent-history.h',
      'vhost-deleted /',
    ]);
  });

  it('is not listed, and does not count', () => {
    const limits = { vhostsMax: 0, queuesMax: 2, exchangesMax: 0, queuesMaxOf: () => 1 };
    const topology = new Topology({ shardCount: 1, limits });
    accepted(topology, { kind: 'create-vhost', vhost: '/' });
    accepted(topology, { kind: 'create-vhost', vhost: 'v' });
    for (const name of ['h1', 'h2', 'h3']) accepted(topology, history(name));
    expect([...topology.queues('/')]).toEqual([]);
    expect([...topology.allQueues('/')]).toHaveLength(3);
    accepted(topology, queue('q'));
    expect(refused(topology, queue('r'))).toContain('queue limit');
    accepted(topology, queue('q', { vhost: 'v' }));
    accepted(topology, deleteExchange('h1'));
    expect(refused(topology, queue('r'))).toContain('queue limit');
  });

  it('is not bound and not declared by clients', () => {
    const topology = topologyWith(history('h'), exchange('x'));
    expect(refused(topology, binding('bind', 'x', 'amq.recent-history.h'))).toBe(
      "403 queue 'amq.recent-history.h' in vhost '/' belongs to exchange 'h' and cannot be used",
    );
    expect(refused(topology, queue('amq.recent-history.h'))).toContain('reserved prefix');
  });

  it('has a name that fits, whatever the name of its exchange', () => {
    const topology = topologyWith(history('h'.repeat(255)), history(`${'h'.repeat(254)}i`));
    const names = [...topology.allQueues('/')].map(({ name }) => name);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^amq\.recent-history\.[0-9a-f]{64}$/u);
  });
});

describe('policies', () => {
  const delaying = (name: string) => ({
    name,
    pattern: /^x/u,
    applyTo: 'all' as const,
    priority: 0,
    definition: { 'delayed-message': true },
  });

  it('make companions of exchanges that are there or come, and take none away', () => {
    const topology = topologyWith(exchange('x1'), exchange('other'));
    topology.setPolicy('/', 'policy', delaying('p'));
    expect(words(topology.applyPolicies('/'))).toEqual([
      'exchange-updated x1',
      'queue-declared amq.delayed.x1',
    ]);
    expect(words(accepted(topology, exchange('x2')))).toEqual([
      'exchange-declared x2',
      'queue-declared amq.delayed.x2',
    ]);
    topology.removePolicy('/', 'policy', 'p');
    expect(words(topology.applyPolicies('/'))).toEqual([
      'exchange-updated x1',
      'exchange-updated x2',
    ]);
    expect(words(accepted(topology, deleteExchange('x1')))).toContain(
      'queue-deleted amq.delayed.x1',
    );
  });

  it('rule no companion', () => {
    const topology = topologyWith(history('x'), queue('xq'));
    const policy = { ...delaying('all'), pattern: /./u, definition: { 'message-ttl': 1 } };
    topology.setPolicy('/', 'policy', policy);
    const updated = words(topology.applyPolicies('/')).filter((one) => one.startsWith('queue'));
    expect(updated).toEqual(['queue-updated xq']);
    const [, companion] = accepted(topology, history('y'));
    expect(companion).toMatchObject({ queue: { name: 'amq.recent-history.y' } });
    expect('queue' in companion && companion.queue.policy).toBeUndefined();
  });
});

describe('after a restart', () => {
  const facts = (): readonly RestorableChange[] =>
    topologyWith(history('h'), delayed('d')).snapshot().filter(isDurable);

  function restored(all: readonly RestorableChange[]): Topology {
    const topology = new Topology({ shardCount: 3 });
    for (const fact of all) expect(topology.restore(fact)).toBeUndefined();
    return topology;
  }
  const names = (topology: Topology) => [...topology.allQueues('/')].map(({ name }) => name);

  it('companions are back, with nothing to mend', () => {
    const topology = restored(facts());
    expect(names(topology)).toEqual(['amq.recent-history.h', 'amq.delayed.d']);
    expect(topology.completeCompanions()).toBe(false);
  });

  it('one whose declaration is lost is made anew, one whose exchange is lost goes', () => {
    const without = (kept: (change: RestorableChange) => boolean) => {
      const topology = restored(facts().filter(kept));
      expect(topology.completeCompanions()).toBe(true);
      expect(topology.completeCompanions()).toBe(false);
      return names(topology).toSorted();
    };
    expect(without(({ kind }) => kind !== 'queue-declared')).toEqual([
      'amq.delayed.d',
      'amq.recent-history.h',
    ]);
    expect(
      without((change) => change.kind !== 'exchange-declared' || change.exchange.name !== 'h'),
    ).toEqual(['amq.delayed.d']);
  });

  it('an exchange whose type nobody knows now is still there', () => {
    const fact = { ...exchange('p', { type: 'x-of-a-plugin' }) };
    const declaration = { kind: 'exchange-declared', vhost: '/', exchange: fact } as const;
    const topology = restored([...facts(), declaration]);
    expect([...topology.exchanges('/')].map(({ name }) => name)).toContain('p');
    expect(accepted(topology, deleteExchange('p'))).toHaveLength(1);
  });
});

describe('refused', () => {
  const hash = (table: FieldTable) => exchange('x', { type: 'x-consistent-hash', ...args(table) });

  it.each<[Command, string]>([
    [
      hash({ 'hash-header': 'h', 'hash-property': 'message_id' }),
      '406 hash-header and hash-property are mutually exclusive',
    ],
    [
      hash({ 'hash-property': 'user_id' }),
      '406 Unsupported property: user_id (one of message_id, correlation_id, timestamp)',
    ],
    [
      hash({ 'hash-header': 5 }),
      '406 hash-header must be a string, received a value of type signedint',
    ],
    [
      history('x', { 'x-recent-history-length': 0 }),
      "406 Invalid argument 0, 'x-recent-history-length' must be a positive integer",
    ],
    [
      history('x', { 'x-recent-history-length': 'many' }),
      `406 Invalid argument <<"many">>, 'x-recent-history-length' must be a positive integer`,
    ],
    ...[undefined, 5, 'nope', 'x-delayed-message'].map(
      (type) =>
        [
          exchange('x', {
            type: 'x-delayed-message',
            ...args(type === undefined ? {} : { 'x-delayed-type': type }),
          }),
          "406 Invalid argument, 'x-delayed-type' must be an existing exchange type",
        ] as [Command, string],
    ),
    [
      exchange('x', {
        type: 'x-delayed-message',
        ...args({ 'x-delayed-type': 'x-consistent-hash', 'hash-property': 'type' }),
      }),
      '406 Unsupported property: type (one of message_id, correlation_id, timestamp)',
    ],
  ])('is %j', (command, text) => {
    expect(refused(topologyWith(), command)).toBe(text);
  });

  const bound = (type: string, key: string, table: FieldTable = {}) =>
    refused(
      topologyWith(exchange('x', { type, ...args(table) }), exchange('y'), queue('q')),
      binding('bind', 'x', 'q', { routingKey: key }),
    );

  it('are weights that are none', () => {
    for (const [type, table] of [
      ['x-consistent-hash', {}],
      ['x-delayed-message', { 'x-delayed-type': 'x-consistent-hash' }],
    ] as const) {
      expect(bound(type, 'a', table)).toBe('406 The binding key must be an integer: <<"a">>');
      expect(bound(type, '', table)).toBe('406 The binding key must be an integer: <<"">>');
      expect(bound(type, '1.5', table)).toBe('406 The binding key must be an integer: <<"1.5">>');
      expect(bound(type, '0', table)).toBe('406 The binding key must be greater than 0');
      expect(bound(type, '-3', table)).toBe('406 The binding key must be greater than 0');
    }
  });

  it('is what x-local-random does not take', () => {
    expect(bound('x-local-random', 'k')).toContain("406 Non empty binding 'k' key not permitted");
    const topology = topologyWith(
      exchange('x', { type: 'x-local-random' }),
      exchange('y'),
      queue('q', args({ 'x-queue-type': 'quorum' })),
      queue('c', args({ 'x-queue-type': 'classic' })),
    );
    const empty = { routingKey: '' };
    expect(refused(topology, binding('bind', 'x', 'y', { ...empty, ...toExchange }))).toContain(
      '406 Destination not found',
    );
    expect(refused(topology, binding('bind', 'x', 'q', empty))).toBe(
      '406 Queue type rabbit_quorum_queue not valid for this exchange type',
    );
    accepted(topology, binding('bind', 'x', 'c', empty));
  });
});
