// /api/vhosts. Main thread. Description, tags and default queue type are kept as a parameter of the
// virtual host, which goes with it; whether it is traced is forgotten when the broker ends. The
// bytes (memory.vhost_budget) and `publishers_blocked` are ours.
import type { Parameter } from '../../supervisor/facts/fact.ts';
import { isQueueType } from '../../topology/queue-arguments.ts';
import { visibleVhosts } from '../access.ts';
import type { BrokerSnapshot } from '../broker-snapshot.ts';
import type { BrokerView } from '../broker-view.ts';
import { badRequest } from '../http-refusal.ts';
import { flagOf, isObject, type JsonObject, textOf } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, CREATED, NO_CONTENT, type Reply, resource } from '../route.ts';
import { isVhostBlocked } from '../source.ts';
import { vhostOf } from './listing.ts';
import { messageStats, queueBytes, queueTotals } from './message-counts.ts';
import { VHOST_METADATA } from '../../topology/own-parameters.ts';
import { findParameter, setParameter } from './parameters.ts';
import { recordFact } from './record-fact.ts';
import { tagsOf } from './users.ts';

const FULL_PERMISSION = { configure: '.*', write: '.*', read: '.*' };

/** What is said about a virtual host besides its name. */
interface VhostMetadata {
  readonly description: string;
  readonly tags: readonly string[];
  readonly defaultQueueType: string | undefined;
}

async function listVhosts({ user, broker }: ApiRequest): Promise<JsonList<string>> {
  const snapshot = await broker.snapshot();
  const vhosts = visibleVhosts(user, broker.source.topology);
  return new JsonList(vhosts, (vhost) => vhostJson(vhost, broker, snapshot));
}

async function getVhost(request: ApiRequest): Promise<object> {
  const { broker } = request;
  const snapshot = await broker.snapshot();
  return vhostJson(vhostOf(request), broker, snapshot);
}

async function putVhost(request: ApiRequest): Promise<Reply> {
  const { broker, user } = request;
  const vhost = request.parameters['vhost'];
  const { topology } = broker.source;
  const body = await request.json();
  const isNew = !topology.hasVhost(vhost);
  await makeVhost(broker, vhost, body);
  // Who makes a virtual host may use it (rabbit_vhost:maybe_grant_full_permissions). What users of
  // other backends may do is for these to say.
  if (isNew && broker.source.users.find(user.name) !== undefined) {
    const permission = FULL_PERMISSION;
    await recordFact(broker, { kind: 'permission-set', user: user.name, vhost, permission });
  }
  return isNew ? CREATED : NO_CONTENT;
}

/** Makes the virtual host unless it is there, and says of it what the body says. */
export async function makeVhost(
  broker: BrokerView,
  vhost: string,
  body: JsonObject,
): Promise<void> {
  const { control } = broker.source;
  const metadata = metadataIn(body, metadataOf(vhost, broker));
  const isTraced = flagOf(body, 'tracing', control.tracedVhosts.has(vhost));
  const { refusal } = await control.execute({ kind: 'create-vhost', vhost });
  if (refusal !== undefined) throw badRequest(refusal.text);
  await setParameter(broker, { vhost, ...VHOST_METADATA, value: valueOf(metadata) });
  control.setTracing(vhost, isTraced);
}

async function deleteVhost(request: ApiRequest): Promise<Reply> {
  const vhost = vhostOf(request);
  const { control } = request.broker.source;
  await control.execute({ kind: 'delete-vhost', vhost });
  control.setTracing(vhost, false);
  return NO_CONTENT;
}

function metadataIn(body: JsonObject, before: VhostMetadata): VhostMetadata {
  const nested = body['metadata'];
  const said = isObject(nested) ? { ...nested, ...body } : body;
  const type = textOf(said, 'default_queue_type') ?? before.defaultQueueType;
  if (type !== undefined && type !== 'undefined' && !isQueueType(type)) {
    throw badRequest(`'${type}' is not a valid default_queue_type value (classic or quorum)`);
  }
  return {
    description: textOf(said, 'description', before.description),
    tags: said['tags'] === undefined ? before.tags : tagsOf(said['tags']),
    defaultQueueType: type === 'undefined' ? undefined : type,
  };
}

function metadataOf(vhost: string, broker: BrokerView): VhostMetadata {
  const { component, name } = VHOST_METADATA;
  const value = findParameter(broker, vhost, component, name)?.value as
    | { description: string; tags: string[]; default_queue_type?: string }
    | undefined;
  const { defaultVhost } = broker.source.config;
  return {
    description: value?.description ?? (vhost === defaultVhost ? 'Default virtual host' : ''),
    tags: value?.tags ?? [],
    defaultQueueType: value?.default_queue_type,
  };
}

function valueOf({ description, tags, defaultQueueType }: VhostMetadata): Parameter['value'] {
  const type = defaultQueueType === undefined ? {} : { default_queue_type: defaultQueueType };
  return { description, tags, ...type };
}

/** As exported definitions have it. */
export function vhostDefinition(name: string, broker: BrokerView): object {
  const { description, tags, defaultQueueType } = metadataOf(name, broker);
  const type = defaultQueueType === undefined ? {} : { default_queue_type: defaultQueueType };
  return { name, description, tags, ...type, metadata: { description, tags, ...type } };
}

function vhostJson(name: string, broker: BrokerView, snapshot: BrokerSnapshot): object {
  const { topology, control } = broker.source;
  const counts = snapshot.countsOf(topology.queues(name));
  const { description, tags } = metadataOf(name, broker);
  return {
    name,
    description,
    tags,
    metadata: { description, tags },
    default_queue_type: topology.defaultQueueType(name),
    tracing: control.tracedVhosts.has(name),
    cluster_state: { [broker.node]: 'running' },
    ...queueTotals(counts),
    ...queueBytes(counts),
    publishers_blocked: isVhostBlocked(broker.source, name),
    message_stats: messageStats(counts),
  };
}

export const vhostRoutes = [
  resource('/api/vhosts', 'management', { GET: listVhosts }),
  resource(
    '/api/vhosts/:vhost',
    'visible-vhost',
    { GET: getVhost, PUT: putVhost, DELETE: deleteVhost },
    { PUT: 'administrator', DELETE: 'administrator' },
  ),
];
