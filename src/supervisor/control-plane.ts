// The control plane: executes topology commands one after the other, has every thread concerned
// apply the changes, and only then answers. Main thread. No message of a client ever passes through
// here. Commands that come while a revision is on its way share the next one, so that a thousand
// declares do not cost a thousand rounds through all threads.
//
//   command -> Topology.execute -> changes -> shard that owns the queue -> acceptors -> answer
//
// A queue exists on its shard before any acceptor can route to it, and is gone from all acceptors
// before its deleter hears ok. Answers are held back until every thread has applied the revision,
// so that a publish after bind-ok, on any connection of any acceptor, is routed by that binding.
import type { Refusal } from '../errors/refusal.ts';
import type { Change, QueueSpec } from '../routing/change.ts';
import type { Command } from '../topology/command.ts';
import type { Topology } from '../topology/topology.ts';
import type { BrokerThread } from './broker-thread.ts';

/** What main needs of a thread to replicate to it. */
type Replica = Pick<BrokerThread<never>, 'apply' | 'appliedRevision'>;

interface Waiting {
  readonly revision: number;
  readonly replicas: readonly Replica[];
  readonly done: () => void;
}

export interface CommandResult {
  readonly refusal: Refusal | undefined;
  readonly queue: QueueSpec | undefined;
}

export class ControlPlane {
  readonly topology: Topology;
  private readonly shards: readonly Replica[];
  private readonly acceptors: readonly Replica[];
  private revision: number;
  private waiting: Waiting[];
  /** What the next revision will hold, and who waits for it. */
  private gathered: Change[];
  private onReplicated: (() => void)[];
  private isReplicating: boolean;

  constructor(topology: Topology, shards: readonly Replica[], acceptors: readonly Replica[]) {
    this.topology = topology;
    this.shards = shards;
    this.acceptors = acceptors;
    this.revision = 0;
    this.waiting = [];
    this.gathered = [];
    this.onReplicated = [];
    this.isReplicating = false;
  }

  /** Executes a command; resolves when its changes are in force everywhere. */
  execute(command: Command): Promise<CommandResult> {
    const { changes, refusal, queue } = this.topology.execute(command);
    this.gathered.push(...changes);
    return new Promise((resolve) => {
      // A command without changes waits too: what it found may still be on its way to the replicas.
      this.onReplicated.push(() => resolve({ refusal, queue }));
      if (!this.isReplicating) void this.replicateGathered();
    });
  }

  /** A thread has applied a revision. */
  applied(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const entry of waiting) {
      if (isApplied(entry)) entry.done();
      else this.waiting.push(entry);
    }
  }

  private async replicateGathered(): Promise<void> {
    this.isReplicating = true;
    while (this.onReplicated.length > 0) {
      const changes = this.gathered;
      const onReplicated = this.onReplicated;
      this.gathered = [];
      this.onReplicated = [];
      await this.replicate(changes);
      for (const done of onReplicated) done();
    }
    this.isReplicating = false;
  }

  private async replicate(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    this.revision += 1;
    const { revision } = this;
    const concerned = this.shards.filter((_shard, index) =>
      changes.some((change) => concernsShard(change, index)),
    );
    for (const shard of concerned) {
      const index = this.shards.indexOf(shard);
      shard.apply(
        revision,
        changes.filter((change) => concernsShard(change, index)),
      );
    }
    await this.wait(revision, concerned);
    for (const acceptor of this.acceptors) acceptor.apply(revision, changes);
    await this.wait(revision, this.acceptors);
  }

  private wait(revision: number, replicas: readonly Replica[]): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ revision, replicas, done });
      this.applied();
    });
  }
}

function concernsShard(change: Change, shard: number): boolean {
  if (change.kind !== 'queue-declared' && change.kind !== 'queue-deleted') return false;
  return change.queue.shard === shard;
}

function isApplied(entry: Waiting): boolean {
  return entry.replicas.every((replica) => replica.appliedRevision >= entry.revision);
}
