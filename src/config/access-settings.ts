// The keys of access control: how clients log in, and which of RabbitMQ's deprecated features they
// may use. Runs in main only. Names and defaults are RabbitMQ's (rabbit.schema of 4.x) where it has
// the key; `login_refused_delay` is a constant there. Deprecated features are permitted here, also
// where a later RabbitMQ refuses them, so that old clients go on working.
import type { Setting } from './setting.ts';

const SINCE = '0.1.0';

export const accessSettings: readonly Setting[] = [
  {
    key: 'auth_mechanisms',
    field: 'authMechanisms',
    type: { kind: 'name-list', choices: ['PLAIN', 'AMQPLAIN', 'ANONYMOUS', 'EXTERNAL'] },
    default: ['PLAIN', 'AMQPLAIN', 'ANONYMOUS'],
    description:
      'SASL mechanisms offered to clients, in this order: auth_mechanisms.1 = PLAIN and so on. ' +
      'EXTERNAL is offered only where the client has shown a certificate, ANONYMOUS only when ' +
      'anonymous_login_user names a user.',
    since: SINCE,
  },
  {
    key: 'auth_backends',
    field: 'authBackends',
    type: { kind: 'name-list', aliases: { rabbit_auth_backend_internal: 'internal' } },
    default: ['internal'],
    description:
      'Who checks logins, asked one after the other until one agrees: auth_backends.1 = internal ' +
      'and so on; internal is the users of the broker.',
    since: SINCE,
  },
  {
    key: 'anonymous_login_user',
    field: 'anonymousUser',
    type: { kind: 'string' },
    default: 'guest',
    description: 'User that clients of the mechanism ANONYMOUS are; none: nobody.',
    since: SINCE,
  },
  {
    key: 'anonymous_login_pass',
    field: 'anonymousPass',
    type: { kind: 'string' },
    default: 'guest',
    description: 'Password of anonymous_login_user.',
    since: SINCE,
    secret: true,
  },
  {
    key: 'login_refused_delay',
    field: 'loginRefusedMillis',
    type: { kind: 'duration', unit: 'milliseconds', min: 0, max: 60_000 },
    default: 3000,
    description:
      'Time until the socket of a client is closed whose login was refused and which cannot be ' +
      'told so (it lacks authentication_failure_close), in milliseconds.',
    since: SINCE,
  },
  {
    key: 'deprecated_features.permit.transient_nonexcl_queues',
    field: 'permitTransientQueues',
    type: { kind: 'boolean' },
    default: true,
    description: 'Queues may be declared that are neither durable nor exclusive.',
    since: SINCE,
  },
  {
    key: 'deprecated_features.permit.global_qos',
    field: 'permitGlobalQos',
    type: { kind: 'boolean' },
    default: true,
    description:
      'basic.qos with global=true limits the whole channel; if not permitted it limits each ' +
      'consumer.',
    since: SINCE,
  },
  {
    key: 'compat.frame_max_floor',
    field: 'frameMaxFloor',
    type: { kind: 'size', bytesMin: 4096, bytesMax: 8192 },
    default: 4096,
    description:
      'The least frame_max that a client may ask for; RabbitMQ 4.1 and later demand 8192.',
    since: SINCE,
  },
];
