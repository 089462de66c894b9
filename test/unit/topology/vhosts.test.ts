// Creating and deleting virtual hosts.
import { describe, expect, it } from 'vitest';
import { Topology } from '../../../src/topology/topology.ts';
import { accepted, binding, declared, exchange, queue, refused, words } from './commanding.ts';

const create = (vhost: string) => ({ kind: 'create-vhost', vhost }) as const;
const remove = (vhost: string) => ({ kind: 'delete-vhost', vhost }) as const;

describe('virtual hosts', () => {
  it('start with the predeclared exchanges', () => {
    const topology = new Topology({ shardCount: 1 });
    const [created, ...declarations] = accepted(topology, create('v'));
    expect(created).toEqual({ kind: 'vhost-created', vhost: 'v' });
    const declaredExchanges = declarations.map((change) =>
      change.kind === 'exchange-declared' ? change.exchange : undefined,
    );
    expect(declaredExchanges.map((spec) => [spec?.name, spec?.type, spec?.internal])).toEqual([
      ['', 'direct', false],
      ['amq.direct', 'direct', false],
      ['amq.topic', 'topic', false],
      ['amq.fanout', 'fanout', false],
      ['amq.headers', 'headers', false],
      ['amq.match', 'headers', false],
      ['amq.rabbitmq.trace', 'topic', true],
    ]);
    expect(declaredExchanges.every((spec) => spec?.durable && !spec.autoDelete)).toBe(true);
    expect([...topology.exchanges('v')]).toEqual(declaredExchanges);
    expect(topology.hasVhost('v')).toBe(true);
  });

  it('are created once', () => {
    const topology = new Topology({ shardCount: 1 });
    accepted(topology, create('v'));
    expect(accepted(topology, create('v'))).toEqual([]);
    expect([...topology.vhosts()]).toEqual(['v']);
  });

  it.each([
    ['', 0],
    ['v'.repeat(256), 256],
  ])('have names of 1 to 255 bytes', (name, bytes) => {
    expect(refused(new Topology({ shardCount: 1 }), create(name))).toBe(
      `406 invalid vhost name: expected 1 to 255 bytes, received ${bytes}`,
    );
  });

  it('take their queues with them', () => {
    const topology = new Topology({ shardCount: 1 });
    for (const vhost of ['v', 'w']) accepted(topology, create(vhost));
    const inVhost = { vhost: 'v', connectionId: 3 };
    accepted(topology, exchange('x', { vhost: 'v' }));
    const first = declared(topology, queue('q', inVhost));
    accepted(topology, queue('eq', { exclusive: true, ...inVhost }));
    accepted(topology, binding('bind', 'x', 'q', inVhost));
    expect(words(accepted(topology, remove('v')))).toEqual([
      'queue-deleted q',
      'queue-deleted eq',
      'vhost-deleted v',
    ]);
    expect([...topology.vhosts()]).toEqual(['w']);
    expect([
      ...topology.queues('v'),
      ...topology.exchanges('v'),
      ...topology.bindings('v'),
    ]).toEqual([]);
    expect(accepted(topology, { kind: 'queue-gone', queueId: first.id })).toEqual([]);
    expect(accepted(topology, { kind: 'connection-closed', connectionId: 3 })).toEqual([]);
    expect(accepted(topology, remove('v'))).toEqual([]);
  });
});
