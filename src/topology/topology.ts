// The control plane's truth: virtual hosts with their queues, exchanges and bindings. Main thread.
// A deterministic state machine: the same commands give the same changes under the same limits (the
// one random source, for server-named queues, is injected); it reads no clock and no socket. One
// command at a time, to its end; a refused command changes nothing.
// Invariants: queue ids rise from 1 and are never reused; `places` holds exactly the queues that
// exist. Nothing is kept of what has been deleted. All that holds after `restore` too, whatever
// facts are missing.
import { randomBytes } from 'node:crypto';
import { vhostNotFound } from '../errors/topology-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type {
  BindingSpec,
  Change,
  DestinationKind,
  ExchangeSpec,
  QueueSpec,
} from '../routing/change.ts';
import { companionName, type CompanionRole } from '../routing/companion.ts';
import { bind, unbind } from './binding-commands.ts';
import type { Command, Outcome } from './command.ts';
import { CompanionQueues } from './companion-queues.ts';
import { isDurable, type RestorableChange } from './durability.ts';
import { declareExchange, deleteExchange } from './exchange-commands.ts';
import { assertNameBytes, type RandomBytes } from './names.ts';
import type { Policy, PolicyKind } from './policy/policy.ts';
import { hostOf, placeQueue } from './placement.ts';
import { QueuePlaces } from './queue-places.ts';
import { PREDECLARED_EXCHANGES } from './predeclared-exchanges.ts';
import type { QueueType } from './queue-arguments.ts';
import {
  type DeclareQueue,
  decideQueue,
  PLAIN_QUEUE_RULES,
  type QueueDeclaration,
  type QueueRules,
  replyQueue,
} from './queue-declaration.ts';
import { NO_TOPOLOGY_LIMITS, Quota, type TopologyLimits } from './quota.ts';
import {
  restoreBinding,
  restoreExchange,
  restoreExchangeDeletion,
  restoreUnbinding,
} from './restore.ts';
import { VhostTopology } from './vhost-topology.ts';

type FactInVhost = Exclude<
  RestorableChange,
  { readonly kind: 'vhost-created' | 'vhost-deleted' | 'queue-deleted' }
>;

export interface TopologyOptions {
  readonly shardCount: number;
  /** Where the names of server-named queues come from. */
  readonly randomBytes?: RandomBytes;
  readonly limits?: TopologyLimits;
  readonly queueRules?: QueueRules;
}

export class Topology {
  private readonly shardCount: number;
  private readonly random: RandomBytes;
  private readonly quota: Quota;
  private readonly queueRules: QueueRules;
  private readonly byName = new Map<string, VhostTopology>();
  private readonly places = new QueuePlaces();
  private readonly companions: CompanionQueues;
  private nextId = 1;

  constructor(options: TopologyOptions) {
    this.shardCount = options.shardCount;
    this.random = options.randomBytes ?? randomBytes;
    this.queueRules = options.queueRules ?? PLAIN_QUEUE_RULES;
    this.quota = new Quota(options.limits ?? NO_TOPOLOGY_LIMITS, this.byName);
    this.companions = new CompanionQueues({
      vhosts: this.byName,
      makeQueue: (vhost, declaration, changes) => this.addQueue(vhost, declaration, changes),
      removeQueue: (id, changes) => this.removeQueue(id, changes),
    });
  }

  execute(command: Command): Outcome {
    const changes: Change[] = [];
    try {
      const queue = this.run(command, changes);
      this.companions.follow(changes);
      return { changes, refusal: undefined, queue };
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      return { changes: [], refusal: error.refusal, queue: undefined };
    }
  }

  /** All changes that rebuild a replica from nothing, in an order it can apply. */
  snapshot(): Change[] {
    const changes: Change[] = [];
    for (const vhost of this.byName.values()) {
      for (const change of vhost.snapshot()) changes.push(change);
    }
    return changes;
  }

  /** What has to survive a restart, in an order that `restore` can take. */
  durableFacts(): RestorableChange[] {
    return this.snapshot().filter(isDurable);
  }

  /** Every queue that is made has this id or a higher one. */
  get nextQueueId(): number {
    return this.nextId;
  }

  /** Ids below were given to queues before the restart, or may have been. */
  skipQueueIds(below: number): void {
    this.nextId = Math.max(this.nextId, below);
  }

  /**
   * Takes a fact from the log. Answers what was wrong with it, if anything was: then it is left
   * out, or what it contradicts is (restore.ts). The invariants hold afterwards in any case.
   */
  restore(fact: RestorableChange): string | undefined {
    switch (fact.kind) {
      case 'vhost-created': {
        const isThere = this.byName.has(fact.vhost);
        this.deleteVhost(fact.vhost, []);
        this.addVhost(fact.vhost, []);
        return isThere ? 'the deletion of the virtual host is lost' : undefined;
      }
      case 'vhost-deleted':
        if (!this.byName.has(fact.vhost)) return 'the virtual host to delete does not exist';
        this.deleteVhost(fact.vhost, []);
        return undefined;
      case 'queue-deleted':
        return this.restoreQueueDeletion(fact.queue);
      default:
        return this.restoreInVhost(fact);
    }
  }

  /** After recovery; true if there was anything to mend, which the log then has to hear of. */
  completeCompanions(): boolean {
    return this.companions.complete();
  }

  /** Gives the queues of shards that are no more to those that host them (recovery only). */
  moveQueues(): void {
    for (const place of this.places.all()) {
      const { queue } = place;
      if (queue.shard < this.shardCount) continue;
      this.places.replace(place, { ...queue, shard: hostOf(queue.shard, this.shardCount) });
    }
  }

  /** Answers whether there is such a virtual host. `applyPolicies` gives it effect. */
  setPolicy(vhost: string, kind: PolicyKind, policy: Policy): boolean {
    this.byName.get(vhost)?.policies.set(kind, policy);
    return this.byName.has(vhost);
  }

  removePolicy(vhost: string, kind: PolicyKind, name: string): void {
    this.byName.get(vhost)?.policies.remove(kind, name);
  }

  /** Gives everything in the virtual host the policies that rule it now; answers what changed. */
  applyPolicies(name: string): Change[] {
    const changes: Change[] = [];
    const vhost = this.byName.get(name);
    vhost?.applyPolicies(changes);
    for (const change of changes) {
      if (change.kind === 'queue-updated') this.places.replace({ vhost: vhost! }, change.queue);
    }
    this.companions.follow(changes);
    return changes;
  }

  /** After the last `restore`: policies may have come after what they rule (recovery only). */
  restorePolicies(): void {
    for (const place of this.places.all()) {
      this.places.replace(place, place.vhost.policies.ruleNewQueue(place.queue));
    }
    for (const vhost of this.byName.keys()) this.applyPolicies(vhost);
  }

  /** Undefined: as the configuration says. Answers whether there is such a virtual host. */
  setDefaultQueueType(name: string, type: QueueType | undefined): boolean {
    const vhost = this.byName.get(name);
    if (vhost !== undefined) vhost.defaultQueueType = type;
    return vhost !== undefined;
  }

  defaultQueueType(vhost: string): QueueType {
    return this.byName.get(vhost)?.defaultQueueType ?? this.queueRules.defaultType;
  }

  vhosts(): Iterable<string> {
    return this.byName.keys();
  }

  hasVhost(name: string): boolean {
    return this.byName.has(name);
  }

  exchanges(vhost: string): Iterable<ExchangeSpec> {
    return this.byName.get(vhost)?.exchanges.values() ?? [];
  }

  /** Without the hidden ones. */
  queues(vhost: string): Iterable<QueueSpec> {
    return this.byName.get(vhost)?.visibleQueues() ?? [];
  }

  allQueues(vhost: string): Iterable<QueueSpec> {
    return this.byName.get(vhost)?.queues.values() ?? [];
  }

  /** Where an exchange keeps messages of its own. */
  companion(vhost: string, exchange: string, role: CompanionRole): QueueSpec | undefined {
    return this.byName.get(vhost)?.queues.get(companionName(role, exchange));
  }

  bindings(vhost: string): Iterable<BindingSpec> {
    return this.byName.get(vhost)?.bindings.all() ?? [];
  }

  bindingsFrom(vhost: string, source: string): Iterable<BindingSpec> {
    return this.byName.get(vhost)?.bindings.from(source) ?? [];
  }

  bindingsTo(vhost: string, kind: DestinationKind, destination: string): Iterable<BindingSpec> {
    return this.byName.get(vhost)?.bindings.to(kind, destination) ?? [];
  }

  private run(command: Command, changes: Change[]): QueueSpec | undefined {
    switch (command.kind) {
      case 'create-vhost':
        this.createVhost(command.vhost, changes);
        return undefined;
      case 'delete-vhost':
        this.deleteVhost(command.vhost, changes);
        return undefined;
      case 'declare-exchange':
        declareExchange(this.vhost(command.vhost), command, this.quota, changes);
        return undefined;
      case 'delete-exchange':
        deleteExchange(this.vhost(command.vhost), command, changes);
        return undefined;
      case 'declare-queue':
        return this.declareQueue(this.vhost(command.vhost), command, changes);
      case 'declare-reply-queue': {
        const vhost = this.vhost(command.vhost);
        return this.addQueue(vhost, replyQueue(vhost, command.connectionId, this.random), changes);
      }
      case 'bind':
        bind(this.vhost(command.vhost), command, changes);
        return undefined;
      case 'unbind':
        unbind(this.vhost(command.vhost), command, changes);
        return undefined;
      case 'queue-gone':
        this.removeQueue(command.queueId, changes);
        return undefined;
      case 'connection-closed':
        this.removeExclusive(command.connectionId, changes);
        return undefined;
    }
  }

  private vhost(name: string): VhostTopology {
    const vhost = this.byName.get(name);
    if (vhost === undefined) throw new AmqpError(vhostNotFound(name));
    return vhost;
  }

  /** Idempotent, like RabbitMQ's management API. */
  private createVhost(name: string, changes: Change[]): void {
    if (this.byName.has(name)) return;
    assertNameBytes('vhost', name);
    this.quota.assertRoomForVhost(name);
    this.addVhost(name, changes);
  }

  private addVhost(name: string, changes: Change[]): VhostTopology {
    const vhost = new VhostTopology(name);
    this.byName.set(name, vhost);
    changes.push({ kind: 'vhost-created', vhost: name });
    for (const exchange of PREDECLARED_EXCHANGES) vhost.addExchange(exchange, changes);
    return vhost;
  }

  /** The shards hear of each queue; exchanges and bindings go with the 'vhost-deleted'. */
  private deleteVhost(name: string, changes: Change[]): void {
    const vhost = this.byName.get(name);
    if (vhost === undefined) return;
    for (const queue of vhost.queues.values()) {
      this.places.remove(queue);
      changes.push({ kind: 'queue-deleted', vhost: name, queue });
    }
    this.byName.delete(name);
    changes.push({ kind: 'vhost-deleted', vhost: name });
  }

  private declareQueue(vhost: VhostTopology, command: DeclareQueue, changes: Change[]): QueueSpec {
    const { existing, declaration } = decideQueue(vhost, command, this.queueRules, this.random);
    if (existing !== undefined) return existing;
    this.quota.assertRoomForQueue(vhost, declaration.name);
    return this.addQueue(vhost, declaration, changes);
  }

  private addQueue(
    vhost: VhostTopology,
    declaration: QueueDeclaration,
    changes: Change[],
  ): QueueSpec {
    const shard = placeQueue(vhost.name, declaration.name, this.shardCount);
    const queue = vhost.policies.ruleNewQueue({ id: this.nextId, shard, ...declaration });
    this.nextId += 1;
    this.places.add(vhost, queue);
    vhost.addQueue(queue, changes);
    return queue;
  }

  private removeQueue(id: number, changes: Change[]): void {
    const place = this.places.get(id);
    if (place === undefined) return;
    this.places.remove(place.queue);
    place.vhost.removeQueue(place.queue, changes);
  }

  private restoreInVhost(fact: FactInVhost): string | undefined {
    // What is in a virtual host proves that it exists, even where the fact of its creation is lost.
    const existing = this.byName.get(fact.vhost);
    const vhost = existing ?? this.addVhost(fact.vhost, []);
    const problem = existing === undefined ? 'the creation of the virtual host is lost' : undefined;
    return this.restoreIn(vhost, fact) ?? problem;
  }

  private restoreIn(vhost: VhostTopology, fact: FactInVhost): string | undefined {
    switch (fact.kind) {
      case 'exchange-declared':
        return restoreExchange(vhost, fact.exchange);
      case 'exchange-deleted':
        return restoreExchangeDeletion(vhost, fact.name);
      case 'queue-declared':
        return this.restoreQueue(vhost, fact.queue);
      case 'bound':
        return restoreBinding(vhost, fact.binding);
      case 'unbound':
        return restoreUnbinding(vhost, fact.binding);
    }
  }

  private restoreQueue(vhost: VhostTopology, queue: QueueSpec): string | undefined {
    if (this.places.has(queue.id)) return `the id of queue '${queue.name}' is another queue's`;
    const older = vhost.queues.get(queue.name);
    if (older !== undefined) this.restoreQueueDeletion(older);
    this.skipQueueIds(queue.id + 1);
    this.places.add(vhost, queue);
    vhost.addQueue(queue, []);
    return older === undefined ? undefined : `the deletion of queue '${queue.name}' is lost`;
  }

  private restoreQueueDeletion({ id, name }: QueueSpec): string | undefined {
    const place = this.places.get(id);
    if (place === undefined) return `queue '${name}' to delete does not exist`;
    this.places.remove(place.queue);
    place.vhost.forgetQueue(place.queue);
    return undefined;
  }

  private removeExclusive(connectionId: number, changes: Change[]): void {
    for (const id of this.places.ownedBy(connectionId)) this.removeQueue(id, changes);
  }
}
