// The policies of one virtual host: which of them applies to a queue or exchange, and what it comes
// to (rabbit_policy). Main thread. One policy and one operator policy apply to each: of those that
// match its name and kind the one with the highest priority; where priorities are equal RabbitMQ
// leaves it open, and here the first name in the order of code units counts.
// Patterns are compiled once. All queues with the same two policies share one AppliedPolicy, which
// the threads that hear of them share too.
import type { AppliedPolicy, ExchangeSpec, QueueSpec } from '../../routing/change.ts';
import { isHiddenQueue } from '../../routing/hidden-queues.ts';
import { type QueueType, queueTypeOf } from '../queue-arguments.ts';
import { type ApplyTo, type Definition, POLICY_KINDS } from './policy.ts';
import type { Policy, PolicyKind } from './policy.ts';
import { POLICY_KEYS, type Setting } from './policy-keys.ts';

/** A policy, with what is looked up of it again and again. */
interface Ranked extends Policy {
  readonly settings: readonly string[];
}

/** The one that counts before the others. */
type Ranking = readonly Ranked[];

const DEFAULT_EXCHANGE = '';
const NO_SETTINGS: Definition = {};

export class VhostPolicies {
  private readonly rankings: Record<PolicyKind, Ranking>;
  private readonly applied: Map<string, AppliedPolicy>;

  constructor() {
    this.rankings = { policy: [], operator_policy: [] };
    this.applied = new Map();
  }

  /** Adds the policy, or replaces the one of that name. */
  set(kind: PolicyKind, policy: Policy): void {
    const others = this.rankings[kind].filter(({ name }) => name !== policy.name);
    const ranked = { ...policy, settings: Object.keys(policy.definition) };
    this.rankings[kind] = [...others, ranked].sort(compareRank);
    this.applied.clear();
  }

  remove(kind: PolicyKind, name: string): void {
    this.rankings[kind] = this.rankings[kind].filter((policy) => policy.name !== name);
    this.applied.clear();
  }

  /** The queue, which no shard knows yet, with the policies that rule it. */
  ruleNewQueue(queue: QueueSpec): QueueSpec {
    const policy = this.findForQueue(queue);
    return policy === undefined ? queue : { ...queue, policy };
  }

  /**
   * The queue with the policies that rule it now; the same object where nothing is otherwise.
   * What a confirm waits for was settled when its shard heard of the queue, and acceptors must not
   * think otherwise: its durability stays as it is until the next start.
   */
  ruleQueue(queue: QueueSpec): QueueSpec {
    const policy = withDurabilityOf(queue.policy, this.findForQueue(queue));
    return samePolicy(queue.policy, policy) ? queue : { ...queue, policy };
  }

  /** The default exchange has no policy: it could do nothing with any setting. */
  ruleExchange(exchange: ExchangeSpec): ExchangeSpec {
    if (exchange.name === DEFAULT_EXCHANGE) return exchange;
    const policy = this.find(
      ({ applyTo, pattern }) =>
        (applyTo === 'exchanges' || applyTo === 'all') && pattern.test(exchange.name),
    );
    return samePolicy(exchange.policy, policy) ? exchange : { ...exchange, policy };
  }

  /** Hidden queues have none: a policy for all queues is not meant for what the broker keeps. */
  private findForQueue(queue: QueueSpec): AppliedPolicy | undefined {
    if (isHiddenQueue(queue)) return undefined;
    const { name, arguments: args } = queue;
    const type = queueTypeOf(args);
    return this.find((policy) => isForQueue(policy, name, type));
  }

  private find(isFor: (policy: Ranked) => boolean): AppliedPolicy | undefined {
    const [policy, operatorPolicy] = POLICY_KINDS.map((kind) => this.rankings[kind].find(isFor));
    if (policy === undefined && operatorPolicy === undefined) return undefined;
    const key = JSON.stringify([policy?.name, operatorPolicy?.name]);
    let applied = this.applied.get(key);
    if (applied === undefined) {
      applied = {
        name: policy?.name,
        operatorName: operatorPolicy?.name,
        definition: merged(
          policy?.definition ?? NO_SETTINGS,
          operatorPolicy?.definition ?? NO_SETTINGS,
        ),
      };
      this.applied.set(key, applied);
    }
    return applied;
  }
}

function compareRank(one: Policy, other: Policy): number {
  if (one.priority !== other.priority) return other.priority - one.priority;
  return one.name < other.name ? -1 : 1;
}

const APPLY_TO_OF: Readonly<Record<QueueType, ApplyTo>> = {
  classic: 'classic_queues',
  quorum: 'quorum_queues',
};

function isForQueue(policy: Ranked, name: string, type: QueueType): boolean {
  const { applyTo, settings, pattern } = policy;
  if (applyTo !== 'all' && applyTo !== 'queues' && applyTo !== APPLY_TO_OF[type]) return false;
  if (settings.some((setting) => POLICY_KEYS.get(setting)!.notOn.includes(type))) return false;
  return pattern.test(name);
}

/** All settings of both; where both have one it is for the setting's rule to say which counts. */
function merged(definition: Definition, operatorDefinition: Definition): Definition {
  const settings: Record<string, Setting> = { ...definition };
  for (const [key, operatorValue] of Object.entries(operatorDefinition)) {
    const value = definition[key];
    settings[key] =
      value === undefined ? operatorValue : POLICY_KEYS.get(key)!.merge(value, operatorValue);
  }
  return settings;
}

/** `next`, but with the durability of `current`. */
function withDurabilityOf(
  current: AppliedPolicy | undefined,
  next: AppliedPolicy | undefined,
): AppliedPolicy | undefined {
  const { durability: kept } = current?.definition ?? NO_SETTINGS;
  const { durability: asked, ...others } = next?.definition ?? NO_SETTINGS;
  if (kept === asked) return next;
  const definition = kept === undefined ? others : { ...others, durability: kept };
  return { name: next?.name, operatorName: next?.operatorName, definition };
}

function samePolicy(one: AppliedPolicy | undefined, other: AppliedPolicy | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  if (one.name !== other.name || one.operatorName !== other.operatorName) return false;
  const settings = Object.entries(one.definition);
  return (
    settings.length === Object.keys(other.definition).length &&
    settings.every(([key, value]) => other.definition[key] === value)
  );
}
