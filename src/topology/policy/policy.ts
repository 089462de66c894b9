// What a policy is (https://www.rabbitmq.com/docs/policies): a pattern over names, what it applies
// to, a priority, and settings. Main thread, plain data. It is kept as a runtime parameter, whose
// value has RabbitMQ's members: pattern, definition, priority, apply-to.
import type { AppliedPolicy } from '../../routing/change.ts';

/** The components of runtime parameters that are policies. */
export const POLICY_KINDS = ['policy', 'operator_policy'] as const;
export type PolicyKind = (typeof POLICY_KINDS)[number];

export const APPLY_TO = [
  'queues',
  'classic_queues',
  'quorum_queues',
  'streams',
  'exchanges',
  'all',
] as const;
export type ApplyTo = (typeof APPLY_TO)[number];

export type Definition = AppliedPolicy['definition'];

export interface Policy {
  readonly name: string;
  readonly pattern: RegExp;
  readonly applyTo: ApplyTo;
  /** The highest one counts. */
  readonly priority: number;
  readonly definition: Definition;
}

/** Undefined: the parameters of this component are no policies. */
export function policyKindOf(component: string): PolicyKind | undefined {
  return POLICY_KINDS.find((kind) => kind === component);
}
