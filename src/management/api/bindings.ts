// GET /api/bindings and /api/bindings/:vhost; the bindings of one queue are listed with it. Main
// thread. Every queue is bound to the default exchange by its name (specification 3.1.3.1); nothing
// stores those bindings, but RabbitMQ lists them, and so do we.
import { createHash } from 'node:crypto';
import { bindingKey } from '../../routing/binding-key.ts';
import type { BindingSpec, QueueSpec } from '../../routing/change.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { tableJson } from '../table-json.ts';
import { compareText, type InVhost, listing } from './listing.ts';

const HASH_BYTES = 8;

function listBindings(request: ApiRequest): object {
  const { topology } = request.broker.source;
  return bindingList(request, function* (vhost) {
    for (const queue of topology.queues(vhost)) yield implicitBinding(queue);
    yield* topology.bindings(vhost);
  });
}

export function bindingList(
  request: ApiRequest,
  bindingsOf: (vhost: string) => Iterable<BindingSpec>,
): JsonList<InVhost<BindingSpec>> {
  return new JsonList(listing(request, bindingsOf, compareBindings), bindingJson);
}

export function implicitBinding({ name }: QueueSpec): BindingSpec {
  return {
    source: '',
    destination: name,
    destinationKind: 'queue',
    routingKey: name,
    arguments: {},
  };
}

function compareBindings(one: BindingSpec, other: BindingSpec): number {
  return (
    compareText(one.source, other.source) ||
    compareText(one.destination, other.destination) ||
    compareText(one.routingKey, other.routingKey)
  );
}

function bindingJson({ vhost, item: binding }: InVhost<BindingSpec>): object {
  return {
    source: binding.source,
    vhost,
    destination: binding.destination,
    destination_type: binding.destinationKind,
    routing_key: binding.routingKey,
    arguments: tableJson(binding.arguments),
    properties_key: propertiesKey(binding),
  };
}

/**
 * What tells this binding from others between the same two ends, for use in a path: the routing key
 * as in a query string, and a hash if there are arguments. RabbitMQ's hash is Erlang's own, ours is
 * another; clients take the key as they find it.
 */
export function propertiesKey(binding: BindingSpec): string {
  const key = quote(binding.routingKey);
  if (Object.keys(binding.arguments).length === 0) return key === '' ? '~' : key;
  const hash = createHash('sha256').update(bindingKey(binding)).digest();
  return `${key}~${hash.toString('base64url', 0, HASH_BYTES)}`;
}

/** Letters, digits, dot, hyphen and underscore stay, a space becomes a plus. */
function quote(routingKey: string): string {
  const bytes = Buffer.from(routingKey, 'utf8').toString('latin1');
  return bytes.replaceAll(/[^\w.-]/gu, (character) => {
    if (character === ' ') return '+';
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

export const bindingRoutes = [
  readOnly('/api/bindings', 'vhost', listBindings),
  readOnly('/api/bindings/:vhost', 'vhost', listBindings),
];
