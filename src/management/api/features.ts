// /api/feature-flags and /api/deprecated-features. Main thread. In RabbitMQ a flag is switched on
// when all nodes of a cluster know it; here everything is on from the start, and enabling a flag
// changes nothing. Listed are those of RabbitMQ's flags whose feature clients can tell is here, and
// those of its deprecated features that mean something here
// (https://www.rabbitmq.com/docs/feature-flags, https://www.rabbitmq.com/docs/deprecated-features).
import { badRequest } from '../http-refusal.ts';
import { JsonList } from '../json-list.ts';
import type { BrokerView } from '../broker-view.ts';
import { type ApiRequest, NO_CONTENT, readOnly, type Reply, resource } from '../route.ts';
import { policiesOf } from './policies.ts';

const FLAGS: ReadonlyMap<string, string> = new Map([
  ['implicit_default_bindings', 'Bindings to the default exchange are implied, not stored'],
  ['quorum_queue', 'Queues of the type quorum'],
  ['rabbit_exchange_type_local_random', 'Exchanges of the type x-local-random'],
  ['user_limits', 'Limits of the connections and channels of a user'],
  ['virtual_host_metadata', 'Description, tags and default queue type of a virtual host'],
]);

/** The same in all of them. */
const PROVIDED = { provided_by: 'rabbit' };
const ANNOUNCED = 'https://blog.rabbitmq.com/posts/2021/08/4.0-deprecation-announcements/';

interface DeprecatedFeature {
  readonly name: string;
  readonly desc: string;
  readonly phase: 'permitted_by_default' | 'removed';
  readonly isPermitted: (broker: BrokerView) => boolean;
  readonly isUsed: (broker: BrokerView) => boolean;
}

const DEPRECATED: readonly DeprecatedFeature[] = [
  {
    name: 'classic_queue_mirroring',
    desc: 'Policies with ha-mode: refused, as classic queues cannot be mirrored',
    phase: 'removed',
    isPermitted: () => false,
    isUsed: () => false,
  },
  {
    name: 'global_qos',
    desc: 'basic.qos with global=true, which limits a channel as a whole',
    phase: 'permitted_by_default',
    isPermitted: ({ source }) => source.config.permitGlobalQos,
    // Only the channels know; RabbitMQ does not tell either.
    isUsed: () => false,
  },
  {
    name: 'queue_master_locator',
    desc: 'queue-master-locator and x-queue-master-locator: accepted, without effect',
    phase: 'permitted_by_default',
    isPermitted: () => true,
    isUsed: hasMasterLocator,
  },
  {
    name: 'transient_nonexcl_queues',
    desc: 'Queues that are neither durable nor exclusive',
    phase: 'permitted_by_default',
    isPermitted: ({ source }) => source.config.permitTransientQueues,
    isUsed: hasTransientQueue,
  },
];

function hasMasterLocator(broker: BrokerView): boolean {
  return policiesOf(broker, 'policy').some(({ value }) => {
    const { definition } = value as { readonly definition: object };
    return Object.hasOwn(definition, 'queue-master-locator');
  });
}

function hasTransientQueue({ source: { topology } }: BrokerView): boolean {
  for (const vhost of topology.vhosts()) {
    for (const { durable, exclusiveOwner } of topology.queues(vhost)) {
      if (!durable && exclusiveOwner === 0) return true;
    }
  }
  return false;
}

function listFlags(): object {
  return new JsonList([...FLAGS], ([name, desc]) => ({
    name,
    desc,
    doc_url: '',
    state: 'enabled',
    stability: 'required',
    ...PROVIDED,
  }));
}

function enableFlag({ parameters }: ApiRequest): Reply {
  if (!FLAGS.has(parameters['name'])) throw badRequest('unsupported');
  return NO_CONTENT;
}

function listDeprecated(request: ApiRequest): object {
  return deprecatedList(request, DEPRECATED);
}

function listUsed(request: ApiRequest): object {
  const used = DEPRECATED.filter((feature) => feature.isUsed(request.broker));
  return deprecatedList(request, used);
}

function deprecatedList({ broker }: ApiRequest, features: readonly DeprecatedFeature[]): object {
  return new JsonList(features, ({ name, desc, phase, isPermitted }) => ({
    name,
    desc,
    deprecation_phase: phase,
    state: isPermitted(broker) ? 'permitted' : 'denied',
    doc_url: ANNOUNCED,
    ...PROVIDED,
  }));
}

export const featureRoutes = [
  readOnly('/api/feature-flags', 'administrator', listFlags),
  resource('/api/feature-flags/:name/enable', 'administrator', { PUT: enableFlag }),
  readOnly('/api/deprecated-features', 'administrator', listDeprecated),
  readOnly('/api/deprecated-features/used', 'administrator', listUsed),
];
