// Limits on virtual hosts, queues and exchanges: what counts, what is refused, and what never is.
import { describe, expect, it } from 'vitest';
import type { TopologyLimits } from '../../../src/topology/quota.ts';
import { Topology } from '../../../src/topology/topology.ts';
import { accepted, declared, deleteExchange, exchange, queue, refused } from './commanding.ts';

const create = (vhost: string) => ({ kind: 'create-vhost', vhost }) as const;

function limited(limits: Partial<TopologyLimits>, ...vhosts: readonly string[]): Topology {
  const none = { vhostsMax: 0, queuesMax: 0, exchangesMax: 0, queuesMaxOf: () => undefined };
  const topology = new Topology({ shardCount: 2, limits: { ...none, ...limits } });
  for (const vhost of ['/', ...vhosts]) accepted(topology, create(vhost));
  return topology;
}

describe('the limit of queues', () => {
  it('counts those of all virtual hosts, however they went', () => {
    const topology = limited({ queuesMax: 3 }, 'v');
    const gone = declared(topology, queue('a'));
    declared(topology, queue('b', { vhost: 'v' }));
    declared(topology, queue('', { exclusive: true, connectionId: 7 }));
    const text = "406 cannot declare queue 'c': queue limit in cluster (3) is reached";
    expect(refused(topology, queue('c'))).toBe(text);
    // What exists may be declared again, and is still compared.
    declared(topology, queue('a'));
    expect(refused(topology, queue('a', { durable: false }))).toMatch(/^406 inequivalent arg/);

    accepted(topology, { kind: 'queue-gone', queueId: gone.id });
    declared(topology, queue('c'));
    expect(refused(topology, queue('d'))).toMatch(/queue limit/);
    accepted(topology, { kind: 'connection-closed', connectionId: 7 });
    declared(topology, queue('d'));
    expect(refused(topology, queue('e'))).toMatch(/queue limit/);
    accepted(topology, { kind: 'delete-vhost', vhost: 'v' });
    declared(topology, queue('e'));
    expect(refused(topology, queue('f'))).toMatch(/queue limit/);
  });

  it('of a virtual host binds that one, and is named first', () => {
    const queuesMaxOf = (vhost: string) => (vhost === 'v' ? 1 : undefined);
    const topology = limited({ queuesMax: 2, queuesMaxOf }, 'v');
    declared(topology, queue('a', { vhost: 'v' }));
    declared(topology, queue('a'));
    expect(refused(topology, queue('b', { vhost: 'v' }))).toBe(
      "406 cannot declare queue 'b': queue limit in vhost 'v' (1) is reached",
    );
    expect(refused(topology, queue('b'))).toMatch(/limit in cluster \(2\)/);
  });

  it('does not count hidden queues, nor do listings show them', () => {
    const queuesMaxOf = (): number => 2;
    const topology = limited({ queuesMax: 2, queuesMaxOf });
    const replies = { kind: 'declare-reply-queue', vhost: '/', connectionId: 7 } as const;
    const hidden = declared(topology, replies);
    expect(hidden).toMatchObject({ durable: false, autoDelete: true, exclusiveOwner: 7 });
    expect(hidden.name).toMatch(/^amq\.rabbitmq\.reply-to\.[\w-]{22}$/);
    declared(topology, queue('a'));
    declared(topology, queue('b'));
    declared(topology, replies);
    expect(refused(topology, queue('c'))).toMatch(/queue limit/);
    expect([...topology.queues('/')].map(({ name }) => name)).toEqual(['a', 'b']);
    accepted(topology, { kind: 'queue-gone', queueId: hidden.id });
    accepted(topology, { kind: 'connection-closed', connectionId: 7 });
    expect(refused(topology, queue('c'))).toMatch(/queue limit/);
    expect(topology.snapshot().filter(({ kind }) => kind === 'queue-declared')).toHaveLength(2);
  });

  it('comes after what is wrong with the declaration itself', () => {
    const topology = limited({ queuesMax: 1 });
    declared(topology, queue('a'));
    expect(refused(topology, queue('amq.b'))).toMatch(/^403/);
    expect(refused(topology, queue('b', { arguments: { 'x-expires': 0 } }))).toMatch(/x-expires/);
  });
});

describe('the limit of exchanges', () => {
  it('counts those of all virtual hosts that are not predeclared', () => {
    const topology = limited({ exchangesMax: 2 }, 'v');
    accepted(topology, exchange('a'));
    accepted(topology, exchange('b', { vhost: 'v' }));
    expect(refused(topology, exchange('c'))).toBe(
      "406 cannot declare exchange 'c' in vhost '/': exchange limit of 2 is reached",
    );
    accepted(topology, exchange('a'));
    accepted(topology, exchange('amq.direct'));
    accepted(topology, deleteExchange('a'));
    accepted(topology, exchange('c'));
    accepted(topology, { kind: 'delete-vhost', vhost: 'v' });
    accepted(topology, exchange('d'));
    expect(refused(topology, exchange('e'))).toMatch(/exchange limit/);
  });
});

describe('the limit of virtual hosts', () => {
  it('refuses a new one, and none that exists', () => {
    const topology = limited({ vhostsMax: 2 }, 'v');
    expect(refused(topology, create('w'))).toBe(
      "406 cannot create vhost 'w': vhost limit of 2 is reached",
    );
    accepted(topology, create('v'));
    accepted(topology, { kind: 'delete-vhost', vhost: 'v' });
    accepted(topology, create('w'));
  });
});
