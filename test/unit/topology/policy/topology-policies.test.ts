// Policies in the whole topology: declarations carry them, and a change of policy changes exactly
// the queues and exchanges that it concerns.
import { describe, expect, it } from 'vitest';
import type { Change, QueueSpec } from '../../../../src/routing/change.ts';
import type { Definition, Policy } from '../../../../src/topology/policy/policy.ts';
import { Topology } from '../../../../src/topology/topology.ts';
import { declared, exchange, queue, topologyWith, words } from '../commanding.ts';

const policy = (name: string, pattern: string, definition: Definition, priority = 0): Policy => ({
  name,
  pattern: new RegExp(pattern),
  applyTo: 'all',
  priority,
  definition,
});

const TTL = { 'message-ttl': 5 };

function set(topology: Topology, ...policies: Policy[]): Change[] {
  for (const one of policies) topology.setPolicy('/', 'policy', one);
  return topology.applyPolicies('/');
}

const ruledBy = (topology: Topology): Record<string, string | undefined> =>
  Object.fromEntries([...topology.queues('/')].map(({ name, policy: by }) => [name, by?.name]));

describe('policies', () => {
  it('change the queues and exchanges they match, and no others', () => {
    const topology = topologyWith(queue('a1'), queue('b1'), exchange('a'), exchange('b'));
    expect(words(set(topology, policy('p', '^a\\d?$', TTL)))).toEqual([
      'exchange-updated a',
      'queue-updated a1',
    ]);
    expect(words(set(topology, policy('low', '', TTL, -1)))).toEqual([
      ...['direct', 'topic', 'fanout', 'headers', 'match', 'rabbitmq.trace'].map(
        (name) => `exchange-updated amq.${name}`,
      ),
      'exchange-updated b',
      'queue-updated b1',
    ]);
    topology.removePolicy('/', 'policy', 'p');
    expect(words(topology.applyPolicies('/'))).toEqual(['exchange-updated a', 'queue-updated a1']);
    expect(ruledBy(topology)).toEqual({ a1: 'low', b1: 'low' });
    expect(topology.applyPolicies('/')).toEqual([]);
  });

  it('rule no hidden queues', () => {
    const topology = topologyWith();
    set(topology, policy('p', '', TTL));
    const replies = { kind: 'declare-reply-queue', vhost: '/', connectionId: 1 } as const;
    expect(declared(topology, replies).policy).toBeUndefined();
    expect(words(set(topology, policy('q', '', TTL, 1)))).not.toContain('queue-updated');
    expect(declared(topology, queue('visible')).policy?.name).toBe('q');
  });

  it('come with a declaration, and in what a replica is built from', () => {
    const topology = topologyWith();
    set(topology, policy('p', '^(q|x)$', TTL));
    const spec = declared(topology, queue('q'));
    topology.execute(exchange('x'));
    const applied = { name: 'p', operatorName: undefined, definition: TTL };
    expect(spec.policy).toEqual(applied);
    expect(declared(topology, queue('q'))).toBe(spec);
    const snapshot = topology.snapshot();
    expect(snapshot).toContainEqual({ kind: 'queue-declared', vhost: '/', queue: spec });
    expect(snapshot).toContainEqual({
      kind: 'exchange-declared',
      vhost: '/',
      exchange: expect.objectContaining({ name: 'x', policy: applied }),
    });
    expect(declared(topology, queue('other'))).not.toHaveProperty('policy');
  });

  it('rule a queue that is deleted and exclusive ones, too', () => {
    const topology = topologyWith(queue('q', { exclusive: true }), queue('r'));
    set(topology, policy('p', '', TTL));
    const gone = topology.execute({ kind: 'connection-closed', connectionId: 1 }).changes;
    expect(gone).toEqual([
      expect.objectContaining({ queue: expect.objectContaining({ name: 'q' }) }),
    ]);
    expect((gone[0] as { queue: QueueSpec }).queue.policy?.name).toBe('p');
    topology.execute({ kind: 'queue-gone', queueId: 2 });
    expect([...topology.queues('/')]).toEqual([]);
    expect(set(topology, policy('p', '^nothing', TTL)).filter((c) => 'queue' in c)).toEqual([]);
  });

  it('belong to their virtual host and go with it', () => {
    const topology = topologyWith(queue('q'));
    topology.execute({ kind: 'create-vhost', vhost: 'v' });
    topology.execute(queue('q', { vhost: 'v' }));
    expect(topology.setPolicy('v', 'policy', policy('p', '^q', TTL))).toBe(true);
    expect(topology.applyPolicies('/')).toEqual([]);
    expect(topology.applyPolicies('v')).toHaveLength(1);
    topology.execute({ kind: 'delete-vhost', vhost: 'v' });
    expect(topology.setPolicy('v', 'policy', policy('p', '^q', TTL))).toBe(false);
    topology.execute({ kind: 'create-vhost', vhost: 'v' });
    expect(declared(topology, queue('q', { vhost: 'v' })).policy).toBeUndefined();
  });

  it('apply after a restart, whether they were restored before or after what they rule', () => {
    const old = topologyWith(queue('q'), exchange('x'));
    const [created, ...facts] = old.durableFacts();
    const topology = new Topology({ shardCount: 2 });
    topology.restore(created);
    topology.setPolicy('/', 'policy', policy('p', '^q', { durability: 'memory' }));
    for (const fact of facts) topology.restore(fact);
    topology.setPolicy('/', 'policy', policy('x', '^x', TTL));
    topology.restorePolicies();
    topology.moveQueues();
    // Also what stays as it is while the broker runs.
    expect([...topology.queues('/')][0].policy?.definition).toEqual({ durability: 'memory' });
    expect([...topology.exchanges('/')].find(({ name }) => name === 'x')?.policy?.name).toBe('x');
    expect(topology.applyPolicies('/')).toEqual([]);
    const gone = topology.execute({ kind: 'queue-gone', queueId: 1 }).changes;
    expect(words(gone)).toEqual(['queue-deleted q']);
  });

  it('rule 100,000 queues in one pass, and those of one policy share it', () => {
    const topology = topologyWith();
    for (let n = 0; n < 100_000; n += 1) topology.execute(queue(`q${n}`));
    const others = Array.from({ length: 50 }, (_each, n) => policy(`p${n}`, `^p${n}`, TTL, n));
    const changes = set(topology, ...others, policy('all', '^q', TTL, -1));
    expect(changes).toHaveLength(100_000);
    const shared = new Set([...topology.queues('/')].map(({ policy: by }) => by));
    expect([...shared].map((by) => by?.name)).toEqual(['all']);
  });
});
