// /api/bindings; the bindings of one queue or exchange are listed with it. Main thread. Binding and
// unbinding is done as a client of the user (direct-requests.ts). Every queue is bound to the
// default exchange by its name (specification 3.1.3.1); nothing stores those bindings, but RabbitMQ
// lists them, and so do we.
import { createHash } from 'node:crypto';
import { bindingKey } from '../../routing/binding-key.ts';
import type { BindingSpec, QueueSpec } from '../../routing/change.ts';
import { JsonList } from '../json-list.ts';
import { notFound } from '../http-refusal.ts';
import { tableOf, textOf } from '../json-body.ts';
import { type ApiRequest, NO_CONTENT, readOnly, Reply, resource } from '../route.ts';
import { askAsClient, bindMethod, unbindMethod } from './direct-requests.ts';
import { compareText, exchangeInPath, type InVhost, listing, vhostOf } from './listing.ts';
import { bindingSpecJson } from './spec-json.ts';

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

/** `/e/SOURCE/q/QUEUE` or `/e/SOURCE/e/EXCHANGE`, the default exchange as amq.default. */
function endsInPath({ parameters }: ApiRequest) {
  const destinationKind = parameters['kind'] === 'e' ? 'exchange' : 'queue';
  if (parameters['kind'] !== 'e' && parameters['kind'] !== 'q') throw notFound();
  const source = exchangeInPath(parameters['source']);
  const destination = exchangeInPath(parameters['destination']);
  return { source, destination, destinationKind } as const;
}

function between(request: ApiRequest): BindingSpec[] {
  const vhost = vhostOf(request);
  const { source, destination, destinationKind } = endsInPath(request);
  const { topology } = request.broker.source;
  const stored = [...topology.bindingsTo(vhost, destinationKind, destination)];
  if (destinationKind === 'queue' && source === '') {
    for (const queue of topology.queues(vhost)) {
      if (queue.name === destination) stored.push(implicitBinding(queue));
    }
  }
  return stored.filter((binding) => binding.source === source);
}

function listBetween(request: ApiRequest): object {
  assertEnds(request);
  return bindingList(request, () => between(request));
}

function assertEnds(request: ApiRequest): void {
  const vhost = vhostOf(request);
  const { source, destination, destinationKind } = endsInPath(request);
  const { topology } = request.broker.source;
  const exchanges = new Set([...topology.exchanges(vhost)].map(({ name }) => name));
  const isThere =
    destinationKind === 'exchange'
      ? exchanges.has(destination)
      : [...topology.queues(vhost)].some(({ name }) => name === destination);
  if (!exchanges.has(source) || !isThere) throw notFound();
}

async function postBinding(request: ApiRequest): Promise<Reply> {
  const body = await request.json();
  const ends = endsInPath(request);
  const routingKey = textOf(body, 'routing_key', '');
  const binding = { ...ends, routingKey, arguments: tableOf(body, 'arguments') };
  await askAsClient(request, bindMethod(binding));
  // Relative to the path that was posted to, as RabbitMQ has it: clients split it at the slash.
  const path = [request.parameters['destination'], propertiesKey(binding)];
  return new Reply(201, { location: path.map(encodeURIComponent).join('/') });
}

function namedBinding(request: ApiRequest): BindingSpec {
  const key = request.parameters['properties'];
  const found = between(request).find((binding) => {
    const named = propertiesKey(binding);
    // Some clients put the key into the path as they found it: its own escapes are undone then.
    return named === key || decodeURIComponent(named.replaceAll('+', ' ')) === key;
  });
  if (found === undefined) throw notFound();
  return found;
}

function getBinding(request: ApiRequest): object {
  return bindingJson({ vhost: vhostOf(request), item: namedBinding(request) });
}

async function deleteBinding(request: ApiRequest): Promise<Reply> {
  await askAsClient(request, unbindMethod(namedBinding(request)));
  return NO_CONTENT;
}

function compareBindings(one: BindingSpec, other: BindingSpec): number {
  return (
    compareText(one.source, other.source) ||
    compareText(one.destination, other.destination) ||
    compareText(one.routingKey, other.routingKey)
  );
}

function bindingJson({ vhost, item: binding }: InVhost<BindingSpec>): object {
  return { ...bindingSpecJson(vhost, binding), properties_key: propertiesKey(binding) };
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

const BETWEEN = '/api/bindings/:vhost/e/:source/:kind/:destination';

export const bindingRoutes = [
  readOnly('/api/bindings', 'vhost', listBindings),
  readOnly('/api/bindings/:vhost', 'vhost', listBindings),
  resource(BETWEEN, 'vhost', { GET: listBetween, POST: postBinding }),
  resource(`${BETWEEN}/:properties`, 'vhost', { GET: getBinding, DELETE: deleteBinding }),
];
