// /api/exchanges, its bindings, and publishing to one. Main thread. In a path the default exchange,
// whose name is empty, is called amq.default. Declaring, deleting and publishing are done as a
// client of the user (direct-requests.ts).
import type { QueueReport } from '../../../shards/mailbox/control-messages.ts';
import type { ExchangeSpec } from '../../routing/change.ts';
import type { BrokerSnapshot } from '../broker-snapshot.ts';
import { notFound } from '../http-refusal.ts';
import { flagOf, requireKeys, tableOf, textOf } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, CREATED, NO_CONTENT, readOnly, type Reply, resource } from '../route.ts';
import { bindingList } from './bindings.ts';
import { askAsClient } from './direct-requests.ts';
import { byName, exchangeInPath, type InVhost, listing, vhostOf } from './listing.ts';
import { exchangePolicyJson } from './policy-json.ts';
import { publish } from './publish.ts';
import { exchangeSpecJson } from './spec-json.ts';

async function listExchanges(request: ApiRequest): Promise<JsonList<InVhost<ExchangeSpec>>> {
  const { topology } = request.broker.source;
  const snapshot = await request.broker.snapshot();
  const exchanges = listing(request, (vhost) => topology.exchanges(vhost), byName);
  return new JsonList(exchanges, (exchange) => exchangeJson(request, exchange, snapshot));
}

async function getExchange(request: ApiRequest): Promise<object> {
  const snapshot = await request.broker.snapshot();
  const found = findExchange(request);
  if (found === undefined) throw notFound();
  return exchangeJson(request, found, snapshot);
}

function findExchange(request: ApiRequest): InVhost<ExchangeSpec> | undefined {
  const vhost = vhostOf(request);
  const name = exchangeInPath(request.parameters['name']);
  for (const item of request.broker.source.topology.exchanges(vhost)) {
    if (item.name === name) return { vhost, item };
  }
  return undefined;
}

async function putExchange(request: ApiRequest): Promise<Reply> {
  const isNew = findExchange(request) === undefined;
  const body = await request.json();
  requireKeys(body, ['type']);
  await askAsClient(request, {
    name: 'exchange.declare',
    exchange: exchangeInPath(request.parameters['name']),
    type: textOf(body, 'type', ''),
    passive: false,
    durable: flagOf(body, 'durable', true),
    autoDelete: flagOf(body, 'auto_delete', false),
    internal: flagOf(body, 'internal', false),
    nowait: false,
    arguments: tableOf(body, 'arguments'),
  });
  return isNew ? CREATED : NO_CONTENT;
}

async function deleteExchange(request: ApiRequest): Promise<Reply> {
  const found = findExchange(request);
  if (found === undefined) throw notFound();
  const ifUnused = request.query.get('if-unused') === 'true';
  const exchange = found.item.name;
  await askAsClient(request, { name: 'exchange.delete', exchange, ifUnused, nowait: false });
  return NO_CONTENT;
}

function listBindingsFrom(request: ApiRequest): object {
  const found = findExchange(request);
  if (found === undefined) throw notFound();
  const { topology } = request.broker.source;
  const { vhost, item } = found;
  return bindingList(request, () => topology.bindingsFrom(vhost, item.name));
}

function listBindingsTo(request: ApiRequest): object {
  const found = findExchange(request);
  if (found === undefined) throw notFound();
  const { topology } = request.broker.source;
  const { vhost, item } = found;
  return bindingList(request, () => topology.bindingsTo(vhost, 'exchange', item.name));
}

function exchangeJson(
  { broker }: ApiRequest,
  { vhost, item: exchange }: InVhost<ExchangeSpec>,
  snapshot: BrokerSnapshot,
): object {
  const queue = broker.source.topology.companion(vhost, exchange.name, 'delay');
  return {
    ...exchangeSpecJson(vhost, exchange),
    ...exchangePolicyJson(exchange.policy),
    ...(queue === undefined ? {} : delayedJson(snapshot.queue(queue.id))),
  };
}

/** Ours: what an exchange holds back. */
function delayedJson({ ready, readyBytes, nextDue }: QueueReport): object {
  return {
    messages_delayed: ready,
    bytes_delayed: readyBytes,
    next_due: nextDue === undefined ? null : new Date(nextDue).toISOString(),
  };
}

const ONE = '/api/exchanges/:vhost/:name';

export const exchangeRoutes = [
  readOnly('/api/exchanges', 'vhost', listExchanges),
  readOnly('/api/exchanges/:vhost', 'vhost', listExchanges),
  resource(ONE, 'vhost', { GET: getExchange, PUT: putExchange, DELETE: deleteExchange }),
  readOnly(`${ONE}/bindings/source`, 'vhost', listBindingsFrom),
  readOnly(`${ONE}/bindings/destination`, 'vhost', listBindingsTo),
  resource(`${ONE}/publish`, 'vhost', { POST: publish }),
];
