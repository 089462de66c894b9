// /api/delayed: the messages that an exchange holds back until their time has come (ours: RabbitMQ
// has no path for them). Main thread; the shard of the exchange's queue answers. Always a page, the
// next due first: an exchange may hold millions.
//
// Permissions are those of comparable methods: looking at messages takes read (basic.get), dropping
// what others wait for takes configure (exchange.delete would drop it too), delivering takes write
// (publishing). An id is the message's number among all that the exchange has ever delayed.
import { Pattern } from '../../auth/pattern.ts';
import type { DelayedAction, DelayedMessage } from '../../../shards/mailbox/control-messages.ts';
import { accessRefused as permissionRefused } from '../../errors/access-refusals.ts';
import { decodeProperties } from '../../protocol/properties.ts';
import { WireReader } from '../../protocol/wire-reader.ts';
import type { QueueSpec } from '../../routing/change.ts';
import { accessRefused, badRequest, notFound, vhostRefused } from '../http-refusal.ts';
import { pageAsked, pageOutOfRange } from '../list-query.ts';
import { type ApiRequest, NO_CONTENT, type Reply, resource } from '../route.ts';
import { exchangeInPath, vhostOf } from './listing.ts';
import { propertiesJson } from './message-json.ts';

/** A shard walks past everything before a page, so what lies further back is not listed. */
const LISTED_MAX = 50_000;
const ID_MAX = 2 ** 32 - 1;

type Permission = 'configure' | 'write' | 'read';

/** The queue of the exchange in the path, for a user who has the permission on the exchange. */
function delayingQueue(request: ApiRequest, permission: Permission): QueueSpec {
  const { broker, parameters, user } = request;
  const vhost = vhostOf(request);
  const exchange = exchangeInPath(parameters['exchange']);
  const queue = broker.source.topology.companion(vhost, exchange, 'delay');
  if (queue === undefined) throw notFound();
  const access = user.accessTo(vhost);
  if (access === undefined) throw vhostRefused(vhost, user.name);
  if (!new Pattern(access.permission[permission]).matches(exchange)) {
    const { text } = permissionRefused(permission, 'exchange', exchange, vhost, user.name);
    throw accessRefused(text);
  }
  return queue;
}

async function listDelayed(request: ApiRequest): Promise<object> {
  const queue = delayingQueue(request, 'read');
  const { number, size } = pageAsked(request.query);
  const offset = (number - 1) * size;
  if (offset + size > LISTED_MAX) {
    throw badRequest(`only the first ${LISTED_MAX} delayed messages can be listed`);
  }
  const action = { kind: 'list', offset, count: size } as const;
  const { count, messages } = await request.broker.source.control.delayed(queue, action);
  if (number > Math.max(1, Math.ceil(count / size))) throw pageOutOfRange(number, size, count);
  const now = Date.now();
  return {
    total_count: count,
    item_count: messages.length,
    filtered_count: count,
    page: number,
    page_size: size,
    page_count: Math.max(1, Math.ceil(count / size)),
    items: messages.map((message) => messageJson(message, now)),
  };
}

async function cancelAll(request: ApiRequest): Promise<Reply> {
  const queue = delayingQueue(request, 'configure');
  const action = { kind: 'cancel', position: undefined } as const;
  await request.broker.source.control.delayed(queue, action);
  return NO_CONTENT;
}

async function cancelOne(request: ApiRequest): Promise<Reply> {
  const queue = delayingQueue(request, 'configure');
  return toOne(request, queue, { kind: 'cancel', position: positionIn(request) });
}

async function deliverOne(request: ApiRequest): Promise<Reply> {
  const queue = delayingQueue(request, 'write');
  return toOne(request, queue, { kind: 'deliver', position: positionIn(request) });
}

async function toOne(
  { broker }: ApiRequest,
  queue: QueueSpec,
  action: DelayedAction,
): Promise<Reply> {
  const { count } = await broker.source.control.delayed(queue, action);
  if (count === 0) throw notFound();
  return NO_CONTENT;
}

/** Positions are 32 bits with a sign on shards. */
function positionIn({ parameters }: ApiRequest): number {
  const id = /^\d{1,10}$/u.test(parameters['id']) ? Number(parameters['id']) : Number.NaN;
  if (Number.isNaN(id) || id > ID_MAX) throw notFound();
  return id | 0;
}

function messageJson(
  { position, due, bytes, bodyBytes, exrk, props }: DelayedMessage,
  now: number,
): object {
  const [exchange, routingKey] = exrk === undefined ? [null, null] : shortStrings(exrk);
  return {
    id: position >>> 0,
    due: new Date(due).toISOString(),
    due_in: Math.max(0, due - now),
    exchange,
    routing_key: routingKey,
    message_bytes: bytes,
    payload_bytes: bodyBytes ?? null,
    properties: props === undefined ? null : propertiesOf(props),
  };
}

function propertiesOf(props: Uint8Array): object {
  const bytes = Buffer.from(props.buffer, props.byteOffset, props.length);
  return propertiesJson(decodeProperties(new WireReader(bytes)));
}

function shortStrings(exrk: Uint8Array): string[] {
  const bytes = Buffer.from(exrk.buffer, exrk.byteOffset, exrk.length);
  const keyAt = 1 + bytes[0];
  return [bytes.toString('utf8', 1, keyAt), bytes.toString('utf8', keyAt + 1)];
}

const ALL = '/api/delayed/:vhost/:exchange';

export const delayedRoutes = [
  resource(ALL, 'vhost', { GET: listDelayed, DELETE: cancelAll }),
  resource(`${ALL}/:id`, 'vhost', { DELETE: cancelOne }),
  resource(`${ALL}/:id/deliver`, 'vhost', { POST: deliverOne }),
];
