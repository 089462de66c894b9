// The control plane: executes topology commands one after the other, has every thread concerned apply
// the changes, and only then answers. Main thread. No message of a client ever passes through here.
//
//   command -> Topology.execute -> changes -> shard that owns the queue -> acceptors -> answer
//
// A queue exists on its shard before any acceptor can route to it, and is gone from all acceptors
// before its deleter hears ok. Answers are held back until every thread has applied the revision, so
// that a publish after bind-ok, on any connection of any acceptor, is routed by that binding.
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
  /** The end of the line: commands are replicated in order. */
  private last: Promise<void>;

  constructor(topology: Topology, shards: readonly Replica[], acceptors: readonly Replica[]) {
    this.topology = topology;
    this.shards = shards;
    this.acceptors = acceptors;
    this.revision = 0;
    this.waiting = [];
    this.last = Promise.resolve();
  }

  /** Executes a command; resolves when its changes are in force everywhere. */
  execute(command: Command): Promise<CommandResult> {
    const { changes, refusal, queue } = this.topology.execute(command);
    // A command without changes waits too: what it found may still be on its way to the replicas.
    const replicated = this.last.then(() => this.replicate(changes));
    this.last = replicated;
    return replicated.then(() => ({ refusal, queue }));
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
