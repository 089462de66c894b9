// The keys about queues that clients and policies do not decide. Runs in main only. Names are
// RabbitMQ's (rabbit.schema, 4.2).
import type { Setting } from './setting.ts';

const SINCE = '0.1.0';

export const queueDefaults: readonly Setting[] = [
  {
    key: 'default_queue_type',
    field: 'defaultQueueType',
    type: {
      kind: 'choice',
      choices: ['classic', 'quorum'],
      aliases: { rabbit_classic_queue: 'classic', rabbit_quorum_queue: 'quorum' },
    },
    default: 'classic',
    description:
      'Type of queues that are declared without one, classic or quorum; exclusive, auto-delete ' +
      'and non-durable ones are classic. A virtual host may have another default.',
    since: SINCE,
  },
  {
    key: 'quorum_queue.property_equivalence.relaxed_checks_on_redeclaration',
    field: 'isQuorumRedeclarationRelaxed',
    type: { kind: 'boolean' },
    default: false,
    description:
      'Whether declaring a quorum queue again as a classic one is taken as the same; true or ' +
      'false.',
    since: SINCE,
  },
  {
    key: 'default_policies.operator',
    field: 'operatorPolicies',
    type: { kind: 'operator-policies' },
    default: [],
    description:
      'Operator policies of virtual hosts created from now on: ' +
      'default_policies.operator.NAME.vhost_pattern, .queue_pattern, .apply_to, and settings ' +
      'such as .max_length and .message_ttl.',
    since: SINCE,
  },
];
