// The publish path: route, write one PUBLISH record per shard, number the publish for its confirm.
// Acceptor thread, hot path: no allocation per message on a route-cache hit.
//
// A publish is taken whole or not at all: when one of its shards has no room (or its queue's pace
// is used up, or memory is short) nothing is written, `publish` returns false, and the connection
// is not read until it can.
import {
  CONFIRMED_FLAG,
  EXPIRES_FLAG,
  OWN_PROPS_FLAG,
  PERSISTENT_FLAG,
  PRIORITY_SHIFT,
  priorityCode,
  publishTargetsMax,
  SLAB_FLAG,
} from '../../shards/mailbox/to-shard-layout.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { internalExchangePublish, invalidExpiration } from '../errors/channel-refusals.ts';
import { malformedHeader } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { exchangeNotFound, exchangeTypeMissing } from '../errors/topology-refusals.ts';
import { expirationMillis, expirationProblem } from '../protocol/expiration.ts';
import { decodeTable } from '../protocol/field-table.ts';
import { PropertyScan } from '../protocol/properties.ts';
import { FLAG_EXPIRATION, FLAG_PRIORITY, FLAG_USER_ID } from '../protocol/property-flags.ts';
import { HAS_BCC, HAS_CC, MALFORMED, scanTable } from '../protocol/table-scan.ts';
import type { QueueSpec } from '../routing/change.ts';
import { delayMillisOf } from '../routing/message-delay.ts';
import { Resolution } from '../routing/resolution.ts';
import type { Channel } from './channel.ts';
import type { PluginInterception } from './plugin-interception.ts';
import { PublishedMessage } from './published-message.ts';
import type { QueuePace } from './queue-pace.ts';
import type { QueuePaces } from './queue-paces.ts';
import { interceptorsOf, type PublishInterceptors } from './publish-interceptors.ts';
import { laneFor, publishBytes, writePublish } from './publish-record.ts';
import { PublishRewrite, REWRITE_BYTES_MAX } from './publish-rewrite.ts';
import { makeRoute, type Route, type RouteLeg, type RouteOptions } from './route.ts';
import { PSEUDO_QUEUE_BYTES, replyToFor } from './reply-to.ts';
import { BCC, selectedKeys } from './sender-selected.ts';
import type { ShardLink } from './shard-link.ts';
import { TransactionSpace } from './transaction-space.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';

/** A `slabSkip`: the properties, too, lie in the slab, before the body. */
export const PROPS_IN_SLAB = -1;

/** A complete publish, wherever its bytes lie; one reused instance per acceptor. */
export class IncomingPublish {
  /** Holds exrk, the properties as the client sent them and, for inline messages, the body. */
  bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));
  exrkAt = 0;
  exrkBytes = 0;
  isMandatory = false;
  /** Where the properties are that go out; `bytes`, unless rewritten (publish-rewrite.ts). */
  propsSource: Buffer<ArrayBufferLike> = this.bytes;
  propsAt = 0;
  propsBytes = 0;
  bodyAt = 0;
  bodyBytes = 0;
  /** First slab page of props and body, or -1 when the message goes inline. */
  slabPage = -1;
  /** The body lies in the slab behind so many bytes. PROPS_IN_SLAB: behind its props. */
  slabSkip = PROPS_IN_SLAB;
  /** Further flags of the PUBLISH: see MESSAGE_FLAGS. */
  flags = 0;
  /** For a queue that holds back what an exchange delays. */
  delayMillis = 0;

  /** It lies in `bytes` from their first on: exrk, props and, if it is inline, its body. */
  liesIn(
    bytes: Buffer<ArrayBufferLike>,
    view: DataView<ArrayBufferLike>,
    exrkBytes: number,
    propsBytes: number,
  ): void {
    this.bytes = bytes;
    this.view = view;
    this.exrkAt = 0;
    this.exrkBytes = exrkBytes;
    this.propsSource = bytes;
    this.propsAt = exrkBytes;
    this.propsBytes = propsBytes;
    this.bodyAt = exrkBytes + propsBytes;
  }
}

const PERSISTENT_MODE = 2;
const NO_TTL = -1;

export class Publisher {
  private readonly links: readonly ShardLink[];
  private readonly routeOptions: RouteOptions;
  private readonly paceOf: (queueId: number) => QueuePace;
  private readonly slab: SlabAllocator;
  private readonly scan: PropertyScan;
  private readonly resolution: Resolution;
  private readonly routed: PublishedMessage;
  private readonly rewrite: PublishRewrite;
  private readonly interceptors: PublishInterceptors | undefined;
  private readonly unroutable: Route;
  private readonly routesToOne: WeakMap<QueueSpec, Route>;
  /** Of the message scanned last, or NO_TTL. */
  private ttlMillis: number;
  readonly transactions: TransactionSpace;
  /** Set by the thread's entry when a plugin intercepts publishes. */
  interception: PluginInterception | undefined;
  publishedCount: number;
  unroutableCount: number;

  constructor(
    links: readonly ShardLink[],
    paces: QueuePaces,
    slab: SlabAllocator,
    inlineBytesMax: number,
    config: BrokerConfig,
  ) {
    this.links = links;
    const dataBytesMax = inlineBytesMax + REWRITE_BYTES_MAX;
    const targetsMax = publishTargetsMax(links[0].work.recordBytesMax, dataBytesMax);
    this.routeOptions = { targetsMax, durability: config.durability };
    this.paceOf = (queueId) => paces.of(queueId);
    this.slab = slab;
    this.scan = new PropertyScan();
    this.resolution = new Resolution();
    this.routed = new PublishedMessage();
    this.rewrite = new PublishRewrite();
    this.interceptors = interceptorsOf(config);
    this.unroutable = { legs: [], paces: [] };
    this.routesToOne = new WeakMap();
    this.ttlMillis = NO_TTL;
    this.transactions = new TransactionSpace(slab);
    this.interception = undefined;
    this.publishedCount = 0;
    this.unroutableCount = 0;
  }

  /**
   * Takes a publish; false when it cannot be taken now and is to be offered again.
   * Throws AmqpError (404, 403, 501) for one that never can be.
   */
  publish(channel: Channel, message: IncomingPublish): boolean {
    const { alarm, tracer } = channel.connection.vhost;
    if (alarm !== undefined) {
      channel.connection.flow.block(alarm);
      return false;
    }
    this.scanProperties(message);
    this.checkAccess(channel, message);
    if (this.interception?.change(channel, message) === true) this.scanProperties(message);
    const noticed = this.scan.headersBytes > 0 ? this.checkHeaders(message) : 0;
    const isSelected = (noticed & (HAS_CC | HAS_BCC)) !== 0;
    const moreKeys = isSelected ? selectedKeys(message, this.scan, noticed) : undefined;
    if (
      (noticed & HAS_BCC) !== 0 ||
      this.scan.replyToBytes === PSEUDO_QUEUE_BYTES ||
      this.interceptors !== undefined
    ) {
      this.changeProperties(channel, message, noticed);
    }
    const route =
      moreKeys === undefined
        ? this.routeFor(channel, message)
        : this.resolve(channel, message, moreKeys);
    // Its bytes may be gone when it has been taken.
    const trace = tracer?.publishing(channel, message, route, moreKeys ?? []);
    if (channel.transaction !== undefined) channel.transaction.keep(message, route);
    else if (!this.send(channel, message, route)) return false;
    if (trace !== undefined) tracer?.send(trace);
    return true;
  }

  private checkAccess(channel: Channel, message: IncomingPublish): void {
    const { access, vhost } = channel.connection;
    const { bytes, exrkAt, exrkBytes } = message;
    access.publishing?.check(bytes, exrkAt, exrkBytes, vhost.routes);
    const { flags, userIdOffset, userIdBytes } = this.scan;
    if ((flags & FLAG_USER_ID) !== 0) access.assertUserId(bytes, userIdOffset, userIdBytes);
  }

  /** Takes a publish that its transaction has kept; false when it is to be offered again. */
  publishKept(channel: Channel, message: IncomingPublish, route: Route): boolean {
    this.scanProperties(message);
    return this.send(channel, message, route);
  }

  private scanProperties(message: IncomingPublish): void {
    const propsEnd = message.propsAt + message.propsBytes;
    if (!this.scan.scan(message.bytes, message.view, message.propsAt, propsEnd)) {
      throw new AmqpError(malformedHeader());
    }
    this.ttlMillis = NO_TTL;
    if ((this.scan.flags & FLAG_EXPIRATION) !== 0) this.scanExpiration(message.bytes);
  }

  private scanExpiration(bytes: Buffer): void {
    const { expirationOffset: at, expirationBytes } = this.scan;
    this.ttlMillis = expirationMillis(bytes, at, expirationBytes);
    if (this.ttlMillis >= 0) return;
    const text = bytes.toString('utf8', at, at + expirationBytes);
    throw new AmqpError(invalidExpiration(text, expirationProblem(text)));
  }

  /** Puts the message scanned last into the rings; false when it cannot go now. */
  private send(channel: Channel, message: IncomingPublish, route: Route): boolean {
    const { legs } = route;
    const flags = this.flagsOf(message) | (channel.confirms === undefined ? 0 : CONFIRMED_FLAG);
    if (legs.length === 1) {
      const leg = legs[0];
      if (!mayGo(channel, route) || !writePublish(message, leg, flags, this.ttlMillis))
        return false;
      if (channel.confirms !== undefined) {
        const lane = laneFor(leg, flags);
        leg.link.unconfirmed[lane].expect(channel.confirms, channel.confirms.add(1));
      }
    } else if (legs.length === 0) {
      this.toNobody(channel, message);
    } else if (!this.publishToMany(channel, message, route, flags)) {
      return false;
    }
    this.gone(route);
    return true;
  }

  /** The flags of the message whose properties were scanned last. */
  private flagsOf(message: IncomingPublish): number {
    const { scan } = this;
    let flags = message.flags;
    if ((scan.flags & FLAG_PRIORITY) !== 0) flags |= priorityCode(scan.priority) << PRIORITY_SHIFT;
    if (scan.deliveryMode === PERSISTENT_MODE) flags |= PERSISTENT_FLAG;
    if (message.slabPage >= 0)
      flags |= message.slabSkip >= 0 ? SLAB_FLAG | OWN_PROPS_FLAG : SLAB_FLAG;
    return this.ttlMillis < 0 ? flags : flags | EXPIRES_FLAG;
  }

  /**
   * Publishes for the broker itself, to `queues` (at least one) of this acceptor's virtual hosts.
   * `sink` hears of the confirms of publish `number`. Returns how many it will be, or 0 when there
   * is no room now.
   */
  publishTo(
    queues: readonly QueueSpec[],
    message: IncomingPublish,
    sink: ConfirmSink,
    number: number,
  ): number {
    this.scanProperties(message);
    const { legs } = makeRoute(queues, this.links, this.paceOf, this.routeOptions);
    const flags = this.flagsOf(message) | CONFIRMED_FLAG;
    if (!this.hasRoomFor(message, legs, flags)) return 0;
    if (message.slabPage >= 0) this.slab.addHolders(message.slabPage, legs.length);
    for (const leg of legs) {
      writePublish(message, leg, flags, this.ttlMillis);
      leg.link.unconfirmed[laneFor(leg, flags)].expect(sink, number);
    }
    this.publishedCount += 1;
    return legs.length;
  }

  private hasRoomFor(message: IncomingPublish, legs: readonly RouteLeg[], flags: number): boolean {
    for (const leg of legs) {
      // Several legs on one link happen only beyond many thousand queues; all then need room.
      const needed =
        publishBytes(message, leg, flags) * (legs.length > this.links.length ? legs.length : 1);
      if (!leg.link.hasRoomFor(needed)) return false;
    }
    return true;
  }

  private publishToMany(
    channel: Channel,
    message: IncomingPublish,
    route: Route,
    flags: number,
  ): boolean {
    const { legs } = route;
    if (!mayGo(channel, route) || !this.hasRoomFor(message, legs, flags)) return false;
    if (message.slabPage >= 0) this.slab.setHolders(message.slabPage, legs.length);
    const number = channel.confirms?.add(legs.length) ?? 0;
    for (const leg of legs) {
      writePublish(message, leg, flags, this.ttlMillis);
      if (channel.confirms === undefined) continue;
      leg.link.unconfirmed[laneFor(leg, flags)].expect(channel.confirms, number);
    }
    return true;
  }

  private gone(route: Route): void {
    const { paces } = route;
    for (let i = 0; i < paces.length; i += 1) paces[i].take();
    this.publishedCount += 1;
  }

  /** No queue: returned when mandatory, confirmed in any case (return first, then ack). */
  private toNobody(channel: Channel, message: IncomingPublish): void {
    this.unroutableCount += 1;
    if (message.isMandatory) channel.returnUnroutable(message);
    if (message.slabPage >= 0) this.slab.release(message.slabPage);
    const { confirms } = channel;
    if (confirms === undefined) return;
    if (confirms.confirm(confirms.add(0))) channel.connection.acceptor.confirmsTouched(confirms);
  }

  /** Which of the headers are there that decide where the message goes (scanTable). */
  private checkHeaders(message: IncomingPublish): number {
    const { headersOffset, headersBytes } = this.scan;
    const end = headersOffset + headersBytes;
    const noticed = scanTable(message.bytes, message.view, headersOffset, end);
    if (noticed !== MALFORMED) return noticed;
    // Throws, and says what is wrong.
    decodeTable(message.bytes, message.view, headersOffset, end);
    throw new AmqpError(malformedHeader());
  }

  /** Where the message goes by its routing key alone; the result is remembered if it can be. */
  private routeFor(channel: Channel, message: IncomingPublish): Route {
    const { routeCache } = channel.connection.vhost;
    const { bytes, exrkAt, exrkBytes } = message;
    const cached = routeCache.find(bytes, exrkAt, exrkBytes);
    if (cached !== undefined) return cached;
    const route = this.resolve(channel, message, []);
    if (this.resolution.isCacheable) routeCache.add(bytes, exrkAt, exrkBytes, route);
    return route;
  }

  /** What is to be delivered may differ from what was published. */
  private changeProperties(channel: Channel, message: IncomingPublish, noticed: number): void {
    const { rewrite, scan } = this;
    // Whatever refuses the message comes before the first change.
    const replyTo =
      scan.replyToBytes === PSEUDO_QUEUE_BYTES ? replyToFor(channel, message, scan) : undefined;
    if (replyTo !== undefined) rewrite.setReplyTo(replyTo);
    if ((noticed & HAS_BCC) !== 0) rewrite.dropHeader(BCC);
    this.interceptors?.note(rewrite, message, scan);
    if (rewrite.isPending) rewrite.apply(message);
  }

  /** Asks the real matchers about the routing key and `moreKeys`. */
  private resolve(channel: Channel, message: IncomingPublish, moreKeys: readonly string[]): Route {
    const { vhost } = channel.connection;
    const { bytes, exrkAt } = message;
    const exchangeEnd = exrkAt + 1 + bytes[exrkAt];
    const exchange = bytes.toString('utf8', exrkAt + 1, exchangeEnd);
    const key = bytes.toString('utf8', exchangeEnd + 1, exrkAt + message.exrkBytes);
    const keys = [key, ...moreKeys];
    const { resolution, routed } = this;
    const { access } = channel.connection;
    for (const one of moreKeys) access.assertTopic('write', exchange, one, vhost.routes);
    routed.of(message, this.scan);
    vhost.routes.resolveKeys(exchange, keys, routed, resolution);
    if (resolution.status === 'no-exchange') {
      throw new AmqpError(exchangeNotFound(vhost.name, exchange));
    }
    if (resolution.status === 'internal') {
      throw new AmqpError(internalExchangePublish(vhost.name, exchange));
    }
    if (resolution.status === 'no-type') {
      const type = vhost.routes.exchange(exchange)!.type;
      throw new AmqpError(exchangeTypeMissing(vhost.name, exchange, type));
    }
    const route = this.routeTo(resolution.queues);
    if (route.legs.some(({ isDelay }) => isDelay)) {
      message.delayMillis = delayMillisOf(routed.headers);
    }
    return route;
  }

  /** Exchanges that choose by chance or by headers mostly lead to one queue: its route is kept. */
  private routeTo(queues: readonly QueueSpec[]): Route {
    if (queues.length === 0) return this.unroutable;
    if (queues.length > 1) return makeRoute(queues, this.links, this.paceOf, this.routeOptions);
    let route = this.routesToOne.get(queues[0]);
    if (route === undefined) {
      route = makeRoute(queues, this.links, this.paceOf, this.routeOptions);
      this.routesToOne.set(queues[0], route);
    }
    return route;
  }
}

/** True when the paces of all target queues allow one more publish. */
function mayGo(channel: Channel, route: Route): boolean {
  const { paces } = route;
  for (let i = 0; i < paces.length; i += 1) {
    if (paces[i].hasToken()) continue;
    if (paces[i].isInForce) channel.connection.flow.block(paces[i]);
    return false;
  }
  return true;
}
