// What policies say about a queue or exchange, under RabbitMQ's names. Main thread, pure.
import type { AppliedPolicy } from '../../routing/change.ts';

export function appliedPolicyJson(policy: AppliedPolicy | undefined): object {
  if (policy === undefined) return {};
  return {
    ...(policy.name === undefined ? {} : { policy: policy.name }),
    ...(policy.operatorName === undefined ? {} : { operator_policy: policy.operatorName }),
    effective_policy_definition: policy.definition,
  };
}
