// The policies of a queue or exchange as RabbitMQ's listings show them. Main thread. A queue
// without policy says so with nulls and an empty definition, an exchange by leaving the field out.
import type { AppliedPolicy } from '../../routing/change.ts';

export function queuePolicyJson(policy: AppliedPolicy | undefined): object {
  return {
    policy: policy?.name ?? null,
    operator_policy: policy?.operatorName ?? null,
    effective_policy_definition: policy?.definition ?? {},
  };
}

export function exchangePolicyJson(policy: AppliedPolicy | undefined): object {
  return {
    ...(policy?.name !== undefined && { policy: policy.name }),
    ...(policy?.operatorName !== undefined && { operator_policy: policy.operatorName }),
  };
}
