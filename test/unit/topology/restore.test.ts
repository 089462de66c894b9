// Recovery of the topology from facts: nothing is lost or invented, whatever facts are missing the
// invariants hold, and no missing fact is fatal.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindingKey } from '../../../src/routing/binding-key.ts';
import { BrokerRoutes } from '../../../src/routing/broker-routes.ts';
import { isDurable, type RestorableChange } from '../../../src/topology/durability.ts';
import { PREDECLARED_EXCHANGES } from '../../../src/topology/predeclared-exchanges.ts';
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
} from './commanding.ts';
import { command, PRELUDE } from './random-commands.ts';

const newTopology = (): Topology => new Topology({ shardCount: 3 });

/** What a restart makes of it: a topology that took these facts, and what it said about them. */
function restored(facts: readonly RestorableChange[]): { topology: Topology; problems: string[] } {
  const topology = newTopology();
  const problems = facts.map((fact) => topology.restore(fact));
  return { topology, problems: problems.filter((problem) => problem !== undefined) };
}

/** The facts of commands, as main logs them. */
function factsOf(...commands: Parameters<Topology['execute']>[0][]): RestorableChange[] {
  const topology = newTopology();
  return [{ kind: 'create-vhost', vhost: '/' } as const, ...commands]
    .flatMap((next) => topology.execute(next).changes)
    .filter(isDurable);
}

/** Everything but the order, which a restart may change. */
function contents(topology: Topology): unknown {
  return topology
    .snapshot()
    .map((change) => JSON.stringify(change))
    .toSorted();
}

/** Throws when a replica would not accept what this topology tells it, or an index is wrong. */
function assertSound(topology: Topology): void {
  const replica = new BrokerRoutes();
  const ids = new Set<number>();
  for (const change of topology.snapshot()) {
    replica.apply(change);
    if (change.kind !== 'queue-declared') continue;
    expect(ids.has(change.queue.id)).toBe(false);
    ids.add(change.queue.id);
    expect(change.queue.id).toBeLessThan(topology.nextQueueId);
  }
  for (const vhost of topology.vhosts()) {
    const names = [...topology.exchanges(vhost)].map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(PREDECLARED_EXCHANGES.map(({ name }) => name)));
    const queues = [...topology.queues(vhost)].map(({ name }) => name);
    for (const one of topology.bindings(vhost)) {
      expect(names).toContain(one.source);
      expect(one.destinationKind === 'queue' ? queues : names).toContain(one.destination);
    }
    const all = [...topology.bindings(vhost)].map(bindingKey).toSorted();
    const bySource = names.flatMap((name) => [...topology.bindingsFrom(vhost, name)]);
    expect(bySource.map(bindingKey).toSorted()).toEqual(all);
  }
}

describe('a restored topology', () => {
  it('is what the durable part of the old one was, and goes on as it would have', () => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 20, maxLength: 120, size: 'max' }), (commands) => {
        const topology = newTopology();
        const facts: RestorableChange[] = [];
        for (const next of [...PRELUDE, ...commands]) {
          facts.push(...topology.execute(next).changes.filter(isDurable));
        }
        const { topology: again, problems } = restored(facts);
        expect(problems).toEqual([]);
        assertSound(again);
        const fromSnapshot = restored(topology.durableFacts());
        expect(fromSnapshot.problems).toEqual([]);
        expect(contents(again)).toEqual(contents(fromSnapshot.topology));
        expect(again.durableFacts()).toHaveLength(topology.durableFacts().length);
      }),
      { numRuns: 150 },
    );
  });

  it('is sound whatever facts are missing', () => {
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 20, maxLength: 120, size: 'max' }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 10 }),
        (commands, lost) => {
          const topology = newTopology();
          const facts: RestorableChange[] = [];
          for (const next of [...PRELUDE, ...commands]) {
            facts.push(...topology.execute(next).changes.filter(isDurable));
          }
          for (const index of lost) facts.splice(index % facts.length, 1);
          const { topology: again } = restored(facts);
          assertSound(again);
          again.completeCompanions();
          assertSound(again);
          expect(again.completeCompanions()).toBe(false);
          again.execute({ kind: 'create-vhost', vhost: '/' });
          accepted(again, queue('new', { durable: false }));
          assertSound(again);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('has no transient queue, exchange or binding, and no exclusive queue', () => {
    const { topology } = restored(
      factsOf(
        queue('q'),
        queue('transient', { durable: false }),
        queue('exclusive', { exclusive: true }),
        exchange('x'),
        exchange('transient', { durable: false }),
        binding('bind', 'x', 'q'),
        binding('bind', 'x', 'transient'),
        binding('bind', 'x', 'exclusive'),
        binding('bind', 'transient', 'q'),
      ),
    );
    expect([...topology.queues('/')].map(({ name }) => name)).toEqual(['q']);
    expect([...topology.bindings('/')].map(({ source }) => source)).toEqual(['x']);
    expect(refused(topology, deleteExchange('x', true))).toContain('406');
    expect([...topology.exchanges('/')].map(({ name }) => name)).not.toContain('transient');
  });

  it('keeps queues that are auto-delete, and ids as they were', () => {
    const before = topologyWith(queue('gone'), queue('q', { autoDelete: true }));
    const spec = declared(before, queue('q', { autoDelete: true }));
    const { topology } = restored(before.durableFacts());
    expect([...topology.queues('/')]).toContainEqual(spec);
    expect(declared(topology, queue('new')).id).toBe(3);
    expect(declared(topology, queue('q', { autoDelete: true }))).toEqual(spec);
  });

  it('gives no id again that it was told of', () => {
    const topology = newTopology();
    topology.skipQueueIds(500);
    topology.skipQueueIds(100);
    topology.execute({ kind: 'create-vhost', vhost: '/' });
    expect(declared(topology, queue('q')).id).toBe(500);
  });

  it('keeps an auto-delete exchange whose last durable binding went while it had another', () => {
    const facts = factsOf(
      exchange('x', { autoDelete: true }),
      queue('q'),
      queue('t', { durable: false }),
      binding('bind', 'x', 'q'),
      binding('bind', 'x', 't'),
      binding('unbind', 'x', 'q'),
      binding('bind', 'x', 'q', { routingKey: 'l' }),
    );
    const { topology, problems } = restored(facts);
    expect(problems).toEqual([]);
    expect([...topology.bindingsFrom('/', 'x')].map(({ routingKey }) => routingKey)).toEqual(['l']);
  });
});

describe('a missing fact', () => {
  const without = (
    facts: readonly RestorableChange[],
    ...kinds: RestorableChange['kind'][]
  ): RestorableChange[] => facts.filter(({ kind }) => !kinds.includes(kind));

  it.each([
    ['vhost-created', ['the creation of the virtual host is lost']],
    ['exchange-declared', ["exchange 'x' to bind from does not exist"]],
    ['queue-declared', ["queue 'q' to bind does not exist"]],
  ] as const)('%s is missed by name', (kind, expected) => {
    const facts = factsOf(exchange('x'), queue('q'), binding('bind', 'x', 'q'));
    const { topology, problems } = restored(without(facts, kind));
    expect(problems).toEqual(expected);
    assertSound(topology);
  });

  it('of a virtual host costs nothing of what is in it', () => {
    const facts = factsOf(exchange('x'), queue('q'), binding('bind', 'x', 'q'));
    const { topology } = restored(without(facts, 'vhost-created'));
    expect(contents(topology)).toEqual(contents(restored(facts).topology));
  });

  it('of a deletion: what was declared afterwards under the same name replaces the old', () => {
    const ttl = args({ 'x-message-ttl': 5 });
    const facts = factsOf(
      exchange('x'),
      queue('q'),
      binding('bind', 'x', 'q'),
      { kind: 'queue-gone', queueId: 1 },
      deleteExchange('x'),
      queue('q', ttl),
      exchange('x', { type: 'fanout' }),
    );
    const { topology, problems } = restored(without(facts, 'queue-deleted', 'exchange-deleted'));
    expect(problems).toEqual([
      "the deletion of queue 'q' is lost",
      "the deletion of exchange 'x' is lost",
    ]);
    expect(declared(topology, queue('q', ttl)).id).toBe(2);
    accepted(topology, exchange('x', { type: 'fanout' }));
    expect([...topology.bindings('/')]).toEqual([]);
    assertSound(topology);
  });

  it('of the deletion of a virtual host: the new one is empty', () => {
    const facts = factsOf(
      queue('q'),
      { kind: 'delete-vhost', vhost: '/' },
      { kind: 'create-vhost', vhost: '/' },
    );
    const lost = without(facts, 'vhost-deleted', 'queue-deleted');
    const { topology, problems } = restored(lost);
    expect(problems).toEqual(['the deletion of the virtual host is lost']);
    expect([...topology.queues('/')]).toEqual([]);
  });

  it.each([
    [binding('unbind', 'x', 'q'), 'bound', "binding from 'x' to 'q' does not exist"],
    [deleteExchange('x'), 'exchange-declared', "exchange 'x' to delete does not exist"],
    [{ kind: 'queue-gone', queueId: 1 }, 'queue-declared', "queue 'q' to delete does not exist"],
    [{ kind: 'delete-vhost', vhost: '/' }, 'vhost-created', undefined],
  ] as const)('that %o undoes is no harm', (undoing, kind, expected) => {
    const facts = factsOf(exchange('x'), queue('q'), binding('bind', 'x', 'q'), undoing);
    const { topology, problems } = restored(without(facts, kind));
    if (expected !== undefined) expect(problems).toContain(expected);
    assertSound(topology);
  });

  it('never lets a fact change the predeclared exchanges, or take the id of another queue', () => {
    const [, declaration] = factsOf(queue('q'));
    const other = {
      ...(declaration as Extract<RestorableChange, { kind: 'queue-declared' }>),
      vhost: '/',
    };
    const facts: RestorableChange[] = [
      ...factsOf(queue('q')),
      { ...other, queue: { ...other.queue, name: 'r' } },
      { kind: 'exchange-deleted', vhost: '/', name: 'amq.topic', durable: true },
    ];
    const { topology, problems } = restored(facts);
    expect(problems).toEqual([
      "the id of queue 'r' is another queue's",
      "exchange 'amq.topic' cannot be deleted",
    ]);
    assertSound(topology);
    expect([...topology.queues('/')].map(({ name }) => name)).toEqual(['q']);
  });
});

it('refuses arguments that no record can hold', () => {
  const large = args({ 'x-large': 'a'.repeat(600 * 1024) });
  const topology = topologyWith(queue('q'), exchange('x'));
  const text = /^406 invalid arguments for .*: expected at most 524288 bytes, received 6144\d\d$/;
  expect(refused(topology, queue('large', large))).toMatch(text);
  expect(refused(topology, exchange('large', large))).toMatch(text);
  expect(refused(topology, binding('bind', 'x', 'q', large))).toMatch(text);
});
