// The keys of RabbitMQ's built-in message interceptors (rabbit.schema since 3.12; RabbitMQ docs,
// "Intercepting Messages"). Runs in main only; part of the schema (schema.ts). In RabbitMQ an
// interceptor is on as soon as its key is there; `none` says that it is not.
import type { Setting } from './setting.ts';

const SINCE = '0.2.0';
const TYPE = { kind: 'choice', choices: ['none', 'true', 'false'], aliases: {} } as const;

export const interceptorSettings: readonly Setting[] = [
  {
    key: 'message_interceptors.incoming.set_header_timestamp.overwrite',
    field: 'timestampInterceptor',
    type: TYPE,
    default: 'none',
    description:
      'Gives each message the time it was published, as property timestamp (seconds) and header ' +
      'timestamp_in_ms: true overwrites what the client has set, false does not, none is off.',
    since: SINCE,
  },
  {
    key: 'message_interceptors.incoming.set_header_routing_node.overwrite',
    field: 'routingNodeInterceptor',
    type: TYPE,
    default: 'none',
    description:
      'Gives each message the name of this node, as header x-routed-by: true overwrites what the ' +
      'client has set, false does not, none is off.',
    since: SINCE,
  },
];
