// Where a forwarded message goes and how it then looks: a dead letter, a delayed message whose time
// has come, or a copy of what was published before. Acceptor thread, cold.
import type { DeathReason } from '../../shards/mailbox/from-shard-layout.ts';
import { decodeTable, type FieldTable } from '../protocol/field-table.ts';
import { decodeProperties, PropertyScan } from '../protocol/properties.ts';
import { FLAG_EXPIRATION } from '../protocol/property-flags.ts';
import { withHeaders } from '../protocol/property-rewrite.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import type { QueueSpec } from '../routing/change.ts';
import { DELAY_HEADER, delayMillisOf } from '../routing/message-delay.ts';
import { Resolution } from '../routing/resolution.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import type { VhostRoutes } from '../routing/vhost-routes.ts';
import { afterDeath, isCycle, keysOf } from './death-headers.ts';
import { exrkOf, type ForwardRecord } from './forward-record.ts';

const DIGITS_LONGEST = 20;

/** A message as it is to be published, and who is to get it. */
export interface Onward {
  readonly exrk: Buffer;
  readonly props: Buffer;
  readonly queues: readonly QueueSpec[];
  /** Its x-death is the broker's. */
  readonly hasDied: boolean;
  /** For an exchange with delays; 0 = none. */
  readonly delayMillis: number;
}

/** The properties of the message that is being looked at. */
class Properties implements RoutedMessage {
  readonly bytes: Buffer;
  readonly headers: FieldTable;
  readonly scan: PropertyScan;

  constructor(bytes: Buffer) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.bytes = bytes;
    this.scan = new PropertyScan();
    if (!this.scan.scan(bytes, view, 0, bytes.length)) {
      throw new Error('acceptor: a shard has forwarded a message with malformed properties');
    }
    const { headersOffset: from, headersBytes } = this.scan;
    this.headers = headersBytes === 0 ? {} : decodeTable(bytes, view, from, from + headersBytes);
  }

  get properties(): ReturnType<typeof decodeProperties> {
    return decodeProperties(new WireReader(this.bytes));
  }

  get expiration(): string | undefined {
    const { flags, expirationOffset: from, expirationBytes } = this.scan;
    if ((flags & FLAG_EXPIRATION) === 0 || expirationBytes > DIGITS_LONGEST) return undefined;
    return this.bytes.toString('latin1', from, from + expirationBytes);
  }
}

const resolution = new Resolution();

/** Undefined when nobody is to get it. */
export function onward(
  record: ForwardRecord,
  props: Buffer,
  routes: VhostRoutes,
): Onward | undefined {
  const properties = new Properties(props);
  const { reason } = record;
  if (reason === 'delayed') return afterDelay(record, properties, routes);
  if (reason === 'history') return fromHistory(record, properties, routes);
  return deadLetter(record, properties, routes, reason);
}

function deadLetter(
  record: ForwardRecord,
  properties: Properties,
  routes: VhostRoutes,
  reason: DeathReason,
): Onward | undefined {
  const { queue, exchange, routingKey } = record;
  const oldKeys = [record.oldRoutingKey, ...keysOf(properties.headers, 'CC')];
  const death = {
    queue,
    reason,
    atSeconds: Math.floor(Date.now() / 1000),
    exchange: record.oldExchange,
    routingKeys: oldKeys,
    expiration: properties.expiration,
  };
  const added = afterDeath(record.hasDied ? properties.headers : undefined, death);
  // Another routing key takes the place of all that it had.
  const dropped = routingKey === undefined ? [] : ['CC'];
  const props = withHeaders(properties.bytes, { added, dropped, dropsExpiration: true });
  const keys = routingKey === undefined ? oldKeys : [routingKey];
  const dead = new Properties(props);
  const { headers } = dead;
  const found = targets(routes, exchange, keys, dead);
  // Not to where it would come back from for ever.
  const queues =
    reason === 'rejected' ? found : found.filter(({ name }) => !isCycle(headers, name));
  if (queues.length === 0) return undefined;
  const exrk = exrkOf(exchange, keys[0]);
  return { exrk, props, queues, hasDied: true, delayMillis: delayMillisOf(headers) };
}

/** With its delay negated, as in RabbitMQ's plugin: no exchange delays it again. */
function afterDelay(
  record: ForwardRecord,
  properties: Properties,
  routes: VhostRoutes,
): Onward | undefined {
  const { exchange, oldExchange, oldRoutingKey, hasDied } = record;
  const { headers } = properties;
  const added = { [DELAY_HEADER]: -delayMillisOf(headers) };
  const props = withHeaders(properties.bytes, { added });
  const keys = [oldRoutingKey, ...keysOf(headers, 'CC')];
  const queues = targets(routes, exchange, keys, new Properties(props));
  if (queues.length === 0) return undefined;
  // It may have come by a binding from another exchange, where it was published.
  return { exrk: exrkOf(oldExchange, oldRoutingKey), props, queues, hasDied, delayMillis: 0 };
}

/** The address names a queue, or, with a routing key of any kind, an exchange. */
function fromHistory(
  record: ForwardRecord,
  properties: Properties,
  routes: VhostRoutes,
): Onward | undefined {
  const { exchange: destination, routingKey, oldExchange, oldRoutingKey, hasDied } = record;
  let queues: QueueSpec[];
  if (routingKey === undefined) {
    const queue = routes.queue(destination);
    queues = queue === undefined ? [] : [queue];
  } else {
    queues = targets(routes, destination, [oldRoutingKey], properties);
  }
  if (queues.length === 0) return undefined;
  const exrk = exrkOf(oldExchange, oldRoutingKey);
  const delayMillis = delayMillisOf(properties.headers);
  return { exrk, props: properties.bytes, queues, hasDied, delayMillis };
}

function targets(
  routes: VhostRoutes,
  exchange: string,
  keys: readonly string[],
  message: RoutedMessage,
): QueueSpec[] {
  routes.resolveKeys(exchange, keys, message, resolution);
  return resolution.status === 'no-exchange' ? [] : [...resolution.queues];
}
