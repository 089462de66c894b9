// /api/queues, the bindings of one, its messages. Main thread. Declaring, deleting, purging and
// getting are done as a client of the user (direct-requests.ts).
// Fields are RabbitMQ's; `shard`, `publish_rate_limit` (messages per second that publishers are
// held to while the queue is behind, 0 for no limit) and `publishers_blocked` (it holds its whole
// memory budget) are ours.
import type { QueueSpec } from '../../routing/change.ts';
import type { BrokerSnapshot } from '../broker-snapshot.ts';
import { notFound } from '../http-refusal.ts';
import { queueTypeOf } from '../../topology/queue-arguments.ts';
import { JsonList } from '../json-list.ts';
import { flagOf, tableOf } from '../json-body.ts';
import { type ApiRequest, CREATED, NO_CONTENT, readOnly, type Reply, resource } from '../route.ts';
import { tableJson } from '../table-json.ts';
import { bindingList, implicitBinding } from './bindings.ts';
import { askAsClient } from './direct-requests.ts';
import { getMessages } from './get-messages.ts';
import { byName, type InVhost, listing, vhostOf } from './listing.ts';
import {
  messageStats,
  queueBytes,
  queueDead,
  queueResidence,
  queueTotals,
} from './message-counts.ts';
import { queuePolicyJson } from './policy-json.ts';

async function listQueues(request: ApiRequest): Promise<JsonList<InVhost<QueueSpec>>> {
  const figures = await figuresFor(request);
  const { topology } = request.broker.source;
  const queues = listing(request, (vhost) => topology.queues(vhost), byName);
  return new JsonList(queues, (queue) => queueJson(request, queue, figures));
}

async function getQueue(request: ApiRequest): Promise<object> {
  const figures = await figuresFor(request);
  return queueJson(request, findQueue(request), figures);
}

type Figures = (queue: QueueSpec) => object;

/**
 * With `disable_stats=true` what a queue is and not how it does, and no thread is asked;
 * `enable_queue_totals=true` beside it adds how many messages there are.
 */
async function figuresFor({ broker, query }: ApiRequest): Promise<Figures> {
  const isBare = query.get('disable_stats') === 'true';
  if (isBare && query.get('enable_queue_totals') !== 'true') return () => ({});
  const snapshot = await broker.snapshot();
  if (isBare) return ({ id }) => queueTotals(snapshot.queue(id));
  return (queue) => statsJson(queue, snapshot);
}

function getQueueBindings(request: ApiRequest): object {
  const { vhost, item } = findQueue(request);
  const { topology } = request.broker.source;
  const bindings = [...topology.bindingsTo(vhost, 'queue', item.name), implicitBinding(item)];
  return bindingList(request, () => bindings);
}

async function putQueue(request: ApiRequest): Promise<Reply> {
  const vhost = vhostOf(request);
  const { name } = request.parameters;
  const known = [...request.broker.source.topology.queues(vhost)];
  const isNew = known.every((queue) => queue.name !== name);
  const body = await request.json();
  await askAsClient(request, {
    name: 'queue.declare',
    queue: name,
    passive: false,
    durable: flagOf(body, 'durable', true),
    exclusive: false,
    autoDelete: flagOf(body, 'auto_delete', false),
    nowait: false,
    arguments: tableOf(body, 'arguments'),
  });
  return isNew ? CREATED : NO_CONTENT;
}

async function deleteQueue(request: ApiRequest): Promise<Reply> {
  const queue = findQueue(request).item.name;
  const ifEmpty = request.query.get('if-empty') === 'true';
  const ifUnused = request.query.get('if-unused') === 'true';
  await askAsClient(request, { name: 'queue.delete', queue, ifEmpty, ifUnused, nowait: false });
  return NO_CONTENT;
}

async function purgeQueue(request: ApiRequest): Promise<Reply> {
  const queue = findQueue(request).item.name;
  await askAsClient(request, { name: 'queue.purge', queue, nowait: false });
  return NO_CONTENT;
}

function findQueue(request: ApiRequest): InVhost<QueueSpec> {
  const vhost = vhostOf(request);
  const name = request.parameters['name'];
  for (const item of request.broker.source.topology.queues(vhost)) {
    if (item.name === name) return { vhost, item };
  }
  throw notFound();
}

function queueJson(
  { broker }: ApiRequest,
  { vhost, item: queue }: InVhost<QueueSpec>,
  figures: Figures,
): object {
  const owner = broker.source.connections.get(queue.exclusiveOwner);
  return {
    name: queue.name,
    vhost,
    type: queueTypeOf(queue.arguments),
    durable: queue.durable,
    auto_delete: queue.autoDelete,
    exclusive: queue.exclusiveOwner !== 0,
    ...(owner === undefined ? {} : { owner_pid_details: { name: owner.name } }),
    arguments: tableJson(queue.arguments),
    ...queuePolicyJson(queue.policy),
    node: broker.node,
    shard: queue.shard,
    state: 'running',
    ...figures(queue),
  };
}

function statsJson({ id }: QueueSpec, snapshot: BrokerSnapshot): object {
  const report = snapshot.queue(id);
  return {
    consumers: report.consumers,
    single_active_consumer_tag: report.singleActiveConsumer ?? '',
    ...queueTotals(report),
    ...queueBytes(report),
    ...queueDead(report),
    ...queueResidence(report),
    message_stats: messageStats(report),
    publish_rate_limit: report.publishRateLimit,
    publishers_blocked: report.isClosed,
  };
}

const ONE = '/api/queues/:vhost/:name';

export const queueRoutes = [
  readOnly('/api/queues', 'vhost', listQueues),
  readOnly('/api/queues/:vhost', 'vhost', listQueues),
  resource(ONE, 'vhost', { GET: getQueue, PUT: putQueue, DELETE: deleteQueue }),
  readOnly(`${ONE}/bindings`, 'vhost', getQueueBindings),
  resource(`${ONE}/contents`, 'vhost', { DELETE: purgeQueue }),
  resource(`${ONE}/get`, 'vhost', { POST: getMessages }),
];
