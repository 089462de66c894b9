// GET /api/exchanges, /api/exchanges/:vhost and /api/exchanges/:vhost/:name. Main thread. In a path
// the default exchange, whose name is empty, is called amq.default.
import type { ExchangeSpec } from '../../routing/change.ts';
import { notFound } from '../http-refusal.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { tableJson } from '../table-json.ts';
import { byName, type InVhost, listing, vhostOf } from './listing.ts';
import { exchangePolicyJson } from './policy-json.ts';

const DEFAULT_EXCHANGE_IN_PATH = 'amq.default';

function listExchanges(request: ApiRequest): JsonList<InVhost<ExchangeSpec>> {
  const { topology } = request.broker.source;
  const exchanges = listing(request, (vhost) => topology.exchanges(vhost), byName);
  return new JsonList(exchanges, exchangeJson);
}

function getExchange(request: ApiRequest): object {
  const vhost = vhostOf(request);
  const inPath = request.parameters['name'];
  const name = inPath === DEFAULT_EXCHANGE_IN_PATH ? '' : inPath;
  for (const item of request.broker.source.topology.exchanges(vhost)) {
    if (item.name === name) return exchangeJson({ vhost, item });
  }
  throw notFound();
}

function exchangeJson({ vhost, item: exchange }: InVhost<ExchangeSpec>): object {
  return {
    name: exchange.name,
    vhost,
    type: exchange.type,
    durable: exchange.durable,
    auto_delete: exchange.autoDelete,
    internal: exchange.internal,
    arguments: tableJson(exchange.arguments),
    ...exchangePolicyJson(exchange.policy),
  };
}

export const exchangeRoutes = [
  readOnly('/api/exchanges', 'vhost', listExchanges),
  readOnly('/api/exchanges/:vhost', 'vhost', listExchanges),
  readOnly('/api/exchanges/:vhost/:name', 'vhost', getExchange),
];
