// The control plane with replicas that apply when the test says so: the shard that owns a queue first,
// then all acceptors, one revision after the other, and an answer only when all have applied.
// The log syncs when the test says so, too: before acceptors hear of anything durable.
import { beforeEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/auth/password.ts';
import type { Change } from '../../../src/routing/change.ts';
import { ControlPlane } from '../../../src/supervisor/control-plane.ts';
import { BrokerState } from '../../../src/supervisor/facts/broker-state.ts';
import type { Fact } from '../../../src/supervisor/facts/fact.ts';
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

/** Facts are durable at once, unless the test wants to say when. */
class FakeSink {
  readonly facts: string[][] = [];
  isHeld = false;
  private sync: (() => void) | undefined;

  append(facts: readonly Fact[]): Promise<void> {
    if (facts.length === 0) return Promise.resolve();
    this.facts.push(facts.map(({ kind }) => kind));
    if (!this.isHeld) return Promise.resolve();
    return new Promise((resolve) => {
      this.sync = resolve;
    });
  }

  async synced(): Promise<void> {
    this.sync!();
    await settle();
  }
}

let log: string[];
let sink: FakeSink;
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
  sink = new FakeSink();
  shards = [0, 1, 2].map((index) => new FakeReplica(`shard ${index}`, log));
  acceptors = [0, 1].map((index) => new FakeReplica(`acceptor ${index}`, log));
  control = new ControlPlane(
    new BrokerState(new Topology({ shardCount: 3 })),
    sink,
    shards,
    acceptors,
    (names) => log.push(`told of ${names.join()}`),
  );
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

  it('tells acceptors nothing that is not durable, and answers nothing', async () => {
    sink.isHeld = true;
    execute('declare', queue('q'));
    execute('again', queue('q'));
    await settle();
    await applied(shardWithPending());
    expect(log).toHaveLength(1);
    await sink.synced();
    expect(log.slice(1)).toEqual([
      'acceptor 0 <- 2: queue-declared',
      'acceptor 1 <- 2: queue-declared',
    ]);
    await applied(acceptors[0]);
    await applied(acceptors[1]);
    expect(log.slice(3)).toEqual(['declare ok', 'again ok']);
  });

  it('answers a deletion when it is durable, also the second that asks for it', async () => {
    execute('declare', queue('q'));
    await settle();
    await applyAll();
    sink.isHeld = true;
    execute('shard', { kind: 'queue-gone', queueId: 1 });
    execute('client', { kind: 'queue-gone', queueId: 1 });
    await settle();
    await applyAll();
    expect(log.at(-1)).toMatch(/^shard . <- 3: queue-deleted/);
    await sink.synced();
    await applyAll();
    expect(log.slice(-2)).toEqual(['shard ok', 'client ok']);
  });

  it('shares syncs among what comes while one is under way', async () => {
    sink.isHeld = true;
    for (let i = 0; i < 1000; i += 1) execute(`declare ${i}`, exchange(`x${i}`));
    await settle();
    await sink.synced();
    await applyAll();
    await sink.synced();
    await applyAll();
    expect(sink.facts.slice(1).map(({ length }) => length)).toEqual([1, 999]);
    expect(log.filter((line) => line.endsWith('ok'))).toHaveLength(1000);
  });

  it('logs what is durable and nothing else', async () => {
    sink.facts.length = 0;
    const transient = { durable: false };
    execute('1', queue('durable'));
    execute('2', queue('transient', transient));
    execute('3', queue('exclusive', { exclusive: true }));
    execute('4', exchange('x', { autoDelete: true }));
    execute('5', exchange('y', transient));
    execute('6', binding('bind', 'x', 'durable'));
    execute('7', binding('bind', 'x', 'transient'));
    execute('8', binding('bind', 'y', 'durable'));
    execute('9', { kind: 'connection-closed', connectionId: 1 });
    execute('10', binding('unbind', 'y', 'durable'));
    execute('11', binding('unbind', 'x', 'durable'));
    execute('12', binding('unbind', 'x', 'transient'));
    await settle();
    await applyAll();
    expect(sink.facts.flat()).toEqual([
      'queue-declared',
      'exchange-declared',
      'bound',
      'unbound',
      // Because its last binding has gone, though that one was not durable.
      'exchange-deleted',
    ]);
    expect(log.at(-1)).toBe('12 ok');
  });

  it('changes users when that is durable, in order with everything else', async () => {
    sink.isHeld = true;
    const account = {
      name: 'u',
      passwordHash: hashPassword('p'),
      hashingAlgorithm: 'sha256',
      tags: [],
    } as const;
    void control.record({ kind: 'user-set', account }).then(() => log.push('user ok'));
    await settle();
    expect(log).toEqual([]);
    await sink.synced();
    // Acceptors are told before a revision, so that it is in force once that has been applied.
    expect(log).toEqual(['told of u', 'acceptor 0 <- 2: ', 'acceptor 1 <- 2: ']);
    await applyAll();
    expect(log.at(-1)).toBe('user ok');
    expect(sink.facts.at(-1)).toEqual(['user-set']);
    await expect(control.record({ kind: 'user-deleted', user: 'nobody' })).rejects.toThrow(
      "user 'nobody' does not exist",
    );
  });

  it('tells the shards concerned of another policy, then the acceptors, and logs the policy', async () => {
    execute('1', queue('q'));
    execute('2', queue('other'));
    execute('3', exchange('x'));
    await settle();
    await applyAll();
    log.length = 0;
    sink.facts.length = 0;
    const value = { pattern: '^[qx]$', definition: { 'message-ttl': 5 } };
    void control
      .setPolicy('/', 'p', 'policy', value)
      .then((problem) => log.push(`policy ${problem ?? 'ok'}`));
    await settle();
    const shard = shardWithPending();
    expect(log).toEqual([`${shard.name} <- 4: queue-updated`]);
    await applied(shard);
    expect(log.slice(1)).toEqual([
      'acceptor 0 <- 4: exchange-updated, queue-updated',
      'acceptor 1 <- 4: exchange-updated, queue-updated',
    ]);
    await applyAll();
    expect(log.at(-1)).toBe('policy ok');
    expect(sink.facts).toEqual([['parameter-set']]);
    void control
      .clearPolicy('/', 'p', 'policy')
      .then((problem) => log.push(`clear ${problem ?? 'ok'}`));
    await settle();
    await applyAll();
    expect(log.at(-1)).toBe('clear ok');
    expect(sink.facts.at(-1)).toEqual(['parameter-deleted']);
    expect([...control.topology.queues('/')].map(({ policy }) => policy)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('says what is wrong with a policy, and does nothing', async () => {
    const facts = sink.facts.length;
    const problem = await control.setPolicy('/', 'p', 'operator_policy', { pattern: 'a' });
    expect(problem).toBe('Validation failed\n\nKey "definition" not found in p\n');
    const good = { pattern: '', definition: { expires: 5 } };
    expect(await control.setPolicy('missing', 'p', 'policy', good)).toBe('vhost missing not found');
    expect(await control.clearPolicy('/', 'p', 'policy')).toBe("parameter 'p' does not exist");
    expect(sink.facts).toHaveLength(facts);
  });

  it('gives a queue of a shard that has no thread of its own to the one that hosts it', async () => {
    const state = new BrokerState(new Topology({ shardCount: 1 }));
    const spec = { durable: true, autoDelete: false, exclusiveOwner: 0, arguments: {} };
    state.restore({ kind: 'vhost-created', vhost: '/' });
    for (const shard of [0, 1, 2, 3, 4]) {
      const added = { id: shard + 1, shard, name: `q${shard}`, ...spec };
      state.restore({ kind: 'queue-declared', vhost: '/', queue: added });
    }
    control = new ControlPlane(state, sink, shards, acceptors);
    for (const replica of [...shards, ...acceptors]) replica.appliedRevision = 0;
    void control.restored().then(() => log.push('restored'));
    await settle();
    const idsOf = ({ pending }: FakeReplica): unknown =>
      pending.flatMap(({ changes }) =>
        changes.map((change) => change.kind === 'queue-declared' && change.queue.id),
      );
    expect(shards.map(idsOf)).toEqual([[1, 4], [2, 5], [3]]);
    await applyAll();
    expect(log.at(-1)).toBe('restored');
    expect(sink.facts).toEqual([['vhost-created']]);
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
