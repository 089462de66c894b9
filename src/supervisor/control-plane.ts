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
import type { PolicyKind } from '../topology/policy/policy.ts';
import { policyValue } from '../topology/policy/policy-validation.ts';
import type { Topology } from '../topology/topology.ts';
import type { BrokerThread } from './broker-thread.ts';
import type { BrokerState } from './facts/broker-state.ts';
import type { AccountFact, Fact, JsonValue } from './facts/fact.ts';
import { userOf } from './user-news.ts';

/** What main needs of a thread to replicate to it. */
type Replica = Pick<BrokerThread<never>, 'apply' | 'appliedRevision'>;

/** Where facts are kept: resolves when they are durable. */
export interface FactSink {
  append(facts: readonly Fact[]): Promise<void>;
}

/** Tells acceptors what has become of these users, before the revision that follows. */
type TellUsers = (names: readonly string[]) => void;

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
  /** Users that are otherwise with the next revision. */
  private gatheredUsers: Set<string>;
  private onReplicated: (() => void)[];
  private readonly tellUsers: TellUsers;
  private isReplicating: boolean;

  constructor(
    state: BrokerState,
    sink: FactSink,
    shards: readonly Replica[],
    acceptors: readonly Replica[],
    tellUsers: TellUsers = () => {},
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
    this.gatheredUsers = new Set();
    this.onReplicated = [];
    this.tellUsers = tellUsers;
    this.isReplicating = false;
  }

  get topology(): Topology {
    return this.state.topology;
  }

  /** Gives the threads what the log held. Once, before anything else. */
  async restored(): Promise<void> {
    await this.replicate(this.topology.snapshot(), new Set(), Promise.resolve());
  }

  /** The queues there are that a shard hosts, as the changes that declare them. */
  queuesOf(shard: number): Change[] {
    return this.topology.snapshot().filter((change) => this.concernsShard(change, shard));
  }

  /** Executes a command; resolves when its changes are in force everywhere, and durable. */
  async execute(command: Command): Promise<CommandResult> {
    const { changes, facts, refusal, queue } = this.state.execute(command);
    // One by one: there may be more than a call takes as arguments.
    for (const change of changes) this.gathered.push(change);
    for (const fact of facts) this.gatheredFacts.push(fact);
    // A command without changes waits too: what it found may still be on its way to the replicas.
    await this.nextRevision();
    return { refusal, queue };
  }

  /**
   * Changes users, permissions, limits or parameters; resolves when that is durable and in force on
   * every connection. Throws when the fact cannot be.
   */
  async record(fact: AccountFact): Promise<void> {
    const problem = await this.tryRecord(fact);
    if (problem !== undefined) throw new Error(problem);
  }

  /**
   * Sets a policy, `value` being as RabbitMQ's API takes it (priority and apply-to may be missing).
   * Resolves when all queues and exchanges are ruled by it, or at once with RabbitMQ's text about
   * what is wrong.
   */
  setPolicy(
    vhost: string,
    name: string,
    kind: PolicyKind,
    value: JsonValue,
  ): Promise<string | undefined> {
    const parameter = { vhost, component: kind, name, value: policyValue(value) };
    return this.tryRecord({ kind: 'parameter-set', parameter });
  }

  /** As `setPolicy`; a policy that does not exist is a problem. */
  clearPolicy(vhost: string, name: string, kind: PolicyKind): Promise<string | undefined> {
    const parameter = { vhost, component: kind, name };
    return this.tryRecord({ kind: 'parameter-deleted', parameter });
  }

  /** As `record`, but resolves with why the fact cannot be, if so. */
  async tryRecord(fact: AccountFact): Promise<string | undefined> {
    const problem = this.state.apply(fact);
    if (problem !== undefined) return problem;
    for (const change of this.state.effectsOf(fact)) {
      this.gathered.push(change);
      // A queue of the broker's own that a policy asks for.
      if (isDurable(change)) this.gatheredFacts.push(change);
    }
    this.gatheredFacts.push(fact);
    const user = userOf(fact);
    if (user !== undefined) this.gatheredUsers.add(user);
    await this.nextRevision();
    return undefined;
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
      const { gathered, gatheredFacts, gatheredUsers, onReplicated } = this;
      this.gathered = [];
      this.gatheredFacts = [];
      this.gatheredUsers = new Set();
      this.onReplicated = [];
      await this.replicate(gathered, gatheredUsers, this.sink.append(gatheredFacts));
      for (const done of onReplicated) done();
      this.onRevision(gathered, gatheredFacts);
    }
    this.isReplicating = false;
  }

  private async replicate(
    changes: readonly Change[],
    users: ReadonlySet<string>,
    durable: Promise<void>,
  ): Promise<void> {
    if (changes.length === 0 && users.size === 0) return await durable;
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
    if (users.size > 0) this.tellUsers([...users]);
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
    if (!concernsQueue(change)) return false;
    return hostOf(change.queue.shard, this.shards.length) === index;
  }
}

type QueueChange = Extract<Change, { readonly queue: QueueSpec }>;

function concernsQueue(change: Change): change is QueueChange {
  return (
    change.kind === 'queue-declared' ||
    change.kind === 'queue-updated' ||
    change.kind === 'queue-deleted'
  );
}

function isApplied(entry: Waiting): boolean {
  return entry.replicas.every((replica) => replica.appliedRevision >= entry.revision);
}
