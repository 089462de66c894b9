// The control plane: executes topology commands one after the other, has every thread concerned
// apply the changes, and only then answers. Main thread. No message of a client ever passes through
// here. Commands that come while a revision is on its way share the next one, so that a thousand
// declares do not cost a thousand rounds through all threads, nor a thousand syncs.
//
//   command -> Topology.execute -> changes -> shard that owns the queue --> acceptors -> answer
//                                    |-> what is durable to the log ----|
//
// A queue exists on its shard before any acceptor can route to it, and is gone from all acceptors
// before its deleter hears ok. Answers are held back until every thread has applied the revision,
// so that a publish after bind-ok, on any connection of any acceptor, is routed by that binding.
// Acceptors hear only of what is durable: nothing that a client has seen, be it a queue or that it
// is gone, is otherwise after a crash.
import type { Refusal } from '../errors/refusal.ts';
import type { Change, QueueSpec } from '../routing/change.ts';
import type { Command } from '../topology/command.ts';
import { isDurable } from '../topology/durability.ts';
import { hostOf } from '../topology/placement.ts';
import type { Topology } from '../topology/topology.ts';
import type { BrokerThread } from './broker-thread.ts';
import type { BrokerState } from './facts/broker-state.ts';
import type { AccountFact, Fact } from './facts/fact.ts';

/** What main needs of a thread to replicate to it. */
type Replica = Pick<BrokerThread<never>, 'apply' | 'appliedRevision'>;

/** Where facts are kept: resolves when they are durable. */
export interface FactSink {
  append(facts: readonly Fact[]): Promise<void>;
}

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
  /** Called with each revision that is in force and durable. */
  onRevision: (changes: readonly Change[], facts: readonly Fact[]) => void;
  private readonly state: BrokerState;
  private readonly sink: FactSink;
  private readonly shards: readonly Replica[];
  private readonly acceptors: readonly Replica[];
  private revision: number;
  private waiting: Waiting[];
  /** What the next revision will hold, and who waits for it. */
  private gathered: Change[];
  private gatheredFacts: Fact[];
  private onReplicated: (() => void)[];
  private isReplicating: boolean;

  constructor(
    state: BrokerState,
    sink: FactSink,
    shards: readonly Replica[],
    acceptors: readonly Replica[],
  ) {
    this.onRevision = () => {};
    this.state = state;
    this.sink = sink;
    this.shards = shards;
    this.acceptors = acceptors;
    this.revision = 0;
    this.waiting = [];
    this.gathered = [];
    this.gatheredFacts = [];
    this.onReplicated = [];
    this.isReplicating = false;
  }

  get topology(): Topology {
    return this.state.topology;
  }

  /** Gives the threads what the log held. Once, before anything else. */
  async restored(): Promise<void> {
    await this.replicate(this.topology.snapshot(), Promise.resolve());
  }

  /** The queues there are that a shard hosts, as the changes that declare them. */
  queuesOf(shard: number): Change[] {
    return this.topology.snapshot().filter((change) => this.concernsShard(change, shard));
  }

  /** Executes a command; resolves when its changes are in force everywhere, and durable. */
  async execute(command: Command): Promise<CommandResult> {
    const { changes, refusal, queue } = this.state.execute(command);
    for (const change of changes) {
      this.gathered.push(change);
      if (isDurable(change)) this.gatheredFacts.push(change);
    }
    // A command without changes waits too: what it found may still be on its way to the replicas.
    await this.nextRevision();
    return { refusal, queue };
  }

  /** Changes users, permissions or parameters; resolves when that is durable. */
  async record(fact: AccountFact): Promise<void> {
    const problem = this.state.apply(fact);
    if (problem !== undefined) throw new Error(problem);
    this.gatheredFacts.push(fact);
    await this.nextRevision();
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

  private nextRevision(): Promise<void> {
    return new Promise((resolve) => {
      this.onReplicated.push(resolve);
      if (!this.isReplicating) void this.replicateGathered();
    });
  }

  private async replicateGathered(): Promise<void> {
    this.isReplicating = true;
    while (this.onReplicated.length > 0) {
      const { gathered, gatheredFacts, onReplicated } = this;
      this.gathered = [];
      this.gatheredFacts = [];
      this.onReplicated = [];
      await this.replicate(gathered, this.sink.append(gatheredFacts));
      for (const done of onReplicated) done();
      this.onRevision(gathered, gatheredFacts);
    }
    this.isReplicating = false;
  }

  private async replicate(changes: readonly Change[], durable: Promise<void>): Promise<void> {
    if (changes.length === 0) return await durable;
    this.revision += 1;
    const { revision } = this;
    const concerned = this.shards.filter((_shard, index) =>
      changes.some((change) => this.concernsShard(change, index)),
    );
    for (const shard of concerned) {
      const index = this.shards.indexOf(shard);
      shard.apply(
        revision,
        changes.filter((change) => this.concernsShard(change, index)),
      );
    }
    await this.wait(revision, concerned);
    await durable;
    for (const acceptor of this.acceptors) acceptor.apply(revision, changes);
    await this.wait(revision, this.acceptors);
  }

  private wait(revision: number, replicas: readonly Replica[]): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ revision, replicas, done });
      this.applied();
    });
  }

  private concernsShard(change: Change, index: number): boolean {
    if (change.kind !== 'queue-declared' && change.kind !== 'queue-deleted') return false;
    return hostOf(change.queue.shard, this.shards.length) === index;
  }
}

function isApplied(entry: Waiting): boolean {
  return entry.replicas.every((replica) => replica.appliedRevision >= entry.revision);
}
