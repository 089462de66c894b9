// The control plane with replicas that apply when the test says so: the shard that owns a queue first,
// then all acceptors, one revision after the other, and an answer only when all have applied.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Change } from '../../../src/routing/change.ts';
import { ControlPlane } from '../../../src/supervisor/control-plane.ts';
import { Topology } from '../../../src/topology/topology.ts';
import { binding, exchange, queue } from '../topology/commanding.ts';

class FakeReplica {
  appliedRevision = 0;
  readonly name: string;
  /** What was sent and is not yet applied. */
  readonly pending: { revision: number; changes: readonly Change[] }[] = [];
  private readonly log: string[];

  constructor(name: string, log: string[]) {
    this.name = name;
    this.log = log;
  }

  apply(revision: number, changes: readonly Change[]): void {
    this.pending.push({ revision, changes });
    this.log.push(`${this.name} <- ${revision}: ${changes.map(({ kind }) => kind).join(', ')}`);
  }
}

let log: string[];
let shards: FakeReplica[];
let acceptors: FakeReplica[];
let control: ControlPlane;

/** Enough for every promise that can settle without help. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

/** A replica applies the oldest change it was sent. */
async function applied(replica: FakeReplica): Promise<void> {
  replica.appliedRevision = replica.pending.shift()!.revision;
  control.applied();
  await settle();
}

async function applyAll(): Promise<void> {
  for (;;) {
    const replica = [...shards, ...acceptors].find(({ pending }) => pending.length > 0);
    if (replica === undefined) return;
    await applied(replica);
  }
}

/** Executes, and notes when the answer came. */
function execute(name: string, command: Parameters<ControlPlane['execute']>[0]): void {
  void control.execute(command).then(({ refusal }) => {
    log.push(`${name} ${refusal === undefined ? 'ok' : refusal.code}`);
  });
}

beforeEach(async () => {
  log = [];
  shards = [0, 1, 2].map((index) => new FakeReplica(`shard ${index}`, log));
  acceptors = [0, 1].map((index) => new FakeReplica(`acceptor ${index}`, log));
  control = new ControlPlane(new Topology({ shardCount: 3 }), shards, acceptors);
  execute('vhost', { kind: 'create-vhost', vhost: '/' });
  await settle();
  await applyAll();
  log.length = 0;
});

const shardWithPending = (): FakeReplica => shards.find(({ pending }) => pending.length > 0)!;

describe('the control plane', () => {
  it('has the shard apply first, then the acceptors, and answers after all of them', async () => {
    execute('declare', queue('q'));
    await settle();
    const shard = shardWithPending();
    expect(log).toEqual([`${shard.name} <- 2: queue-declared`]);
    await applied(shard);
    expect(log.slice(1).map((line) => line.split(':')[0])).toEqual([
      'acceptor 0 <- 2',
      'acceptor 1 <- 2',
    ]);
    await applied(acceptors[1]);
    expect(log).toHaveLength(3);
    await applied(acceptors[0]);
    expect(log.at(-1)).toBe('declare ok');
  });

  it('concerns no shard with what is no queue', async () => {
    execute('declare', exchange('x'));
    await settle();
    expect(shards.every(({ pending }) => pending.length === 0)).toBe(true);
    await applyAll();
    expect(log.at(-1)).toBe('declare ok');
  });

  it('sends a revision only when everybody has the one before', async () => {
    execute('first', exchange('x1'));
    execute('second', exchange('x2'));
    await settle();
    expect(log).toEqual([
      'acceptor 0 <- 2: exchange-declared',
      'acceptor 1 <- 2: exchange-declared',
    ]);
    await applied(acceptors[0]);
    expect(log).toHaveLength(2);
    await applied(acceptors[1]);
    expect(log.slice(2)).toEqual([
      'first ok',
      'acceptor 0 <- 3: exchange-declared',
      'acceptor 1 <- 3: exchange-declared',
    ]);
    await applyAll();
    expect(log.at(-1)).toBe('second ok');
  });

  it('answers what changes nothing, or is refused, after what came before it', async () => {
    execute('declare', queue('q'));
    execute('again', queue('q'));
    execute('different', queue('q', { durable: false }));
    await settle();
    expect(log).toHaveLength(1);
    await applyAll();
    expect(log.slice(-3)).toEqual(['declare ok', 'again ok', 'different 406']);
  });

  it('answers at once when nothing is under way', async () => {
    execute('declare', queue('q'));
    await settle();
    await applyAll();
    log.length = 0;
    execute('again', queue('q'));
    execute('unknown', binding('bind', 'nowhere', 'q'));
    await settle();
    expect(log).toEqual(['again ok', 'unknown 404']);
  });

  it('tells each shard only of its own queues', async () => {
    for (let i = 0; i < 30; i += 1) execute(`declare ${i}`, queue(`q${i}`, { exclusive: true }));
    const seen: number[][] = shards.map(() => []);
    for (;;) {
      await settle();
      shards.forEach(({ pending }, index) => {
        for (const change of pending.flatMap(({ changes }) => changes)) {
          if (change.kind === 'queue-declared') {
            expect(change.queue.shard).toBe(index);
            if (!seen[index].includes(change.queue.id)) seen[index].push(change.queue.id);
          }
        }
      });
      const next = [...shards, ...acceptors].find(({ pending }) => pending.length > 0);
      if (next === undefined) break;
      await applied(next);
    }
    expect(seen.flat()).toHaveLength(30);
    execute('closed', { kind: 'connection-closed', connectionId: 1 });
    await settle();
    shards.forEach(({ pending }, index) => {
      const deleted = pending.flatMap(({ changes }) => changes);
      expect(deleted.map(({ kind }) => kind)).toEqual(seen[index].map(() => 'queue-deleted'));
    });
    await applyAll();
    expect(log.at(-1)).toBe('closed ok');
  });
});
