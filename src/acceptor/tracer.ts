// The firehose (https://www.rabbitmq.com/docs/firehose): while a virtual host is traced, each
// message published or delivered there is published once more, to amq.rabbitmq.trace. Acceptor
// thread, one per acceptor; a virtual host that is not traced has no tracer, which is all that the
// hot path looks at. What cannot go at once is dropped, as in RabbitMQ: tracing slows nobody down.
import { NO_PAGE } from '../../shards/mailbox/slab.ts';
import { readSlab } from '../../shards/mailbox/slab-copying.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import type { QueueSpec } from '../routing/change.ts';
import { Resolution } from '../routing/resolution.ts';
import type { Acceptor } from './acceptor.ts';
import type { Channel } from './channel.ts';
import type { OutgoingContent } from './content-frames.ts';
import { keysOf } from './death-headers.ts';
import { readDelivered } from './delivered-frames.ts';
import { exrkOf } from './forward-record.ts';
import { IncomingPublish } from './publisher.ts';
import type { Route } from './route.ts';
import { moveToSlab } from './slab-copy.ts';
import { type TracedMessage, tracedProperties, traceProperties } from './trace-content.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';

const TRACE_EXCHANGE = 'amq.rabbitmq.trace';

/** Nobody waits for a trace. */
const NOBODY: ConfirmSink = { confirm: () => false, refuse: () => {} };

/** A trace that is sent when what it tells of has happened. */
export interface PendingTrace {
  readonly key: string;
  readonly queues: readonly QueueSpec[];
  readonly properties: Buffer;
  readonly body: Buffer;
}

export class Tracer {
  private readonly acceptor: Acceptor;
  private readonly resolution: Resolution;

  constructor(acceptor: Acceptor) {
    this.acceptor = acceptor;
    this.resolution = new Resolution();
  }

  /** The trace of a publish that is about to be taken; undefined when nobody would get it. */
  publishing(
    channel: Channel,
    message: IncomingPublish,
    route: Route,
    moreKeys: readonly string[],
  ): PendingTrace | undefined {
    const { routes } = channel.connection.vhost;
    const [exchange, key] = exchangeAndKey(message.bytes, message.exrkAt);
    const queues = route.legs.flatMap(({ queueIds }) => [...queueIds]);
    const { propsSource, propsAt, propsBytes } = message;
    const traced = {
      exchange,
      routingKeys: [key, ...moreKeys],
      properties: tracedProperties(propsSource.subarray(propsAt, propsAt + propsBytes)),
      body: this.bodyOf(message),
    };
    return this.trace(channel, `publish.${exchange}`, traced, {
      routed_queues: queues.map((id) => routes.queueById(id)?.name ?? ''),
    });
  }

  /** A queue's message goes to a client. */
  delivered(
    channel: Channel,
    queue: string,
    isRedelivered: boolean,
    content: OutgoingContent,
  ): void {
    const [exchange, key] = exchangeAndKey(content.source, content.exrkAt);
    const { propsBytes, bodyBytes, slab, slabPage, slabSkip, hasOwnProps } = content;
    let data = content.source.subarray(content.propsAt, content.propsAt + propsBytes);
    let body = content.source.subarray(content.bodyAt, content.bodyAt + bodyBytes);
    if (slab !== null) {
      const inSlab = Buffer.allocUnsafe((hasOwnProps ? slabSkip : propsBytes) + bodyBytes);
      readSlab(slab, slabPage, inSlab);
      if (!hasOwnProps) data = inSlab.subarray(0, propsBytes);
      body = inSlab.subarray(inSlab.length - bodyBytes);
    }
    this.deliver(channel, queue, exchange, key, isRedelivered, data, body);
  }

  /** As `delivered`, for those in framed form at [start, end) of `bytes`. */
  framesDelivered(
    channel: Channel,
    queue: string,
    bytes: Buffer<ArrayBufferLike>,
    start: number,
    end: number,
  ): void {
    for (let at = start; at < end; ) {
      const one = readDelivered(bytes, at);
      const { exchange, routingKey, isRedelivered, properties, body } = one;
      this.deliver(channel, queue, exchange, routingKey, isRedelivered, properties, body);
      at = one.end;
    }
  }

  /** Publishes a trace, or drops it where there is no room for it now. */
  send({ key, queues, properties, body }: PendingTrace): void {
    const { publisher, slab, inlineBytesMax } = this.acceptor;
    const exrk = exrkOf(TRACE_EXCHANGE, key);
    const message = new IncomingPublish();
    const isInline = exrk.length + properties.length + body.length <= inlineBytesMax;
    const parts = isInline ? [exrk, properties, body] : [exrk, properties];
    const bytes = Buffer.concat(parts);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    message.liesIn(bytes, view, exrk.length, properties.length);
    message.bodyBytes = body.length;
    if (!isInline) {
      message.slabPage = moveToSlab(slab, Buffer.concat([properties, body]));
      if (message.slabPage === NO_PAGE) return;
    }
    publisher.publishTo(queues, message, NOBODY, 0);
    // Its queues hold it now, or nobody does.
    if (!isInline) slab.release(message.slabPage);
  }

  private deliver(
    channel: Channel,
    queue: string,
    exchange: string,
    routingKey: string,
    isRedelivered: boolean,
    propertyBytes: Buffer<ArrayBufferLike>,
    body: Buffer<ArrayBufferLike>,
  ): void {
    // The traces themselves are not traced.
    if (exchange === TRACE_EXCHANGE) return;
    const properties = tracedProperties(Buffer.from(propertyBytes));
    const routingKeys = [routingKey, ...keysOf(properties.headers ?? {}, 'CC')];
    const traced = { exchange, routingKeys, properties, body: Buffer.from(body) };
    const more = { redelivered: isRedelivered ? 1 : 0 };
    const trace = this.trace(channel, `deliver.${queue}`, traced, more);
    if (trace !== undefined) this.send(trace);
  }

  private trace(
    { connection, number }: Channel,
    key: string,
    message: TracedMessage,
    more: FieldTable,
  ): PendingTrace | undefined {
    const { vhost, name, user } = connection;
    const { resolution } = this;
    const { properties: traced } = message;
    const routed = { headers: traced.headers, properties: traced };
    vhost.routes.resolveKeys(TRACE_EXCHANGE, [key], routed, resolution);
    if (resolution.queues.length === 0) return undefined;
    const properties = traceProperties(message, {
      vhost: vhost.name,
      connection: name,
      channel: number,
      user,
      ...more,
    });
    return { key, queues: [...resolution.queues], properties, body: message.body };
  }

  private bodyOf({ bytes, bodyAt, bodyBytes, ...message }: IncomingPublish): Buffer {
    if (message.slabPage < 0) return Buffer.from(bytes.subarray(bodyAt, bodyAt + bodyBytes));
    const skip = message.slabSkip >= 0 ? message.slabSkip : message.propsBytes;
    const inSlab = Buffer.allocUnsafe(skip + bodyBytes);
    readSlab(this.acceptor.slab.slab, message.slabPage, inSlab);
    return inSlab.subarray(skip);
  }
}

function exchangeAndKey(
  bytes: Buffer<ArrayBufferLike>,
  exrkAt: number,
): [exchange: string, routingKey: string] {
  const exchangeEnd = exrkAt + 1 + bytes[exrkAt];
  const keyEnd = exchangeEnd + 1 + bytes[exchangeEnd];
  return [
    bytes.toString('utf8', exrkAt + 1, exchangeEnd),
    bytes.toString('utf8', exchangeEnd + 1, keyEnd),
  ];
}
