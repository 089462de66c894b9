// The publish path: route, write one PUBLISH record per shard, number the publish for its confirm.
// Acceptor thread, hot path: no allocation per message on a route-cache hit.
//
// A publish is taken whole or not at all: when one of its shards has no room (or its queue's pace
// is used up, or memory is short) nothing is written, `publish` returns false, and the connection
// is not read until it can.
import {
  CONFIRMED_FLAG,
  EXPIRES_FLAG,
  LANE_SHIFT,
  OWN_PROPS_FLAG,
  PERSISTENT_FLAG,
  PRIORITY_SHIFT,
  PUBLISH_BODY_BYTES,
  PUBLISH_EXRK_BYTES,
  PUBLISH_FLAGS,
  PUBLISH_PROPS_BYTES,
  PUBLISH_SLAB_PAGE,
  PUBLISH_TARGET_COUNT,
  PUBLISH_TARGETS,
  publishDataWord,
  publishRecordBytes,
  publishTargetsMax,
  SLAB_FLAG,
  traitWords,
  writeTtl,
} from '../../shards/mailbox/to-shard-layout.ts';
import { LANE_MEMORY } from '../../shards/mailbox/confirm-counter.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { copyBytes } from '../base/copy.ts';
import { internalExchangePublish, invalidExpiration } from '../errors/channel-refusals.ts';
import { malformedHeader } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { exchangeNotFound, exchangeTypeMissing } from '../errors/topology-refusals.ts';
import { expirationMillis, expirationProblem } from '../protocol/expiration.ts';
import { decodeTable } from '../protocol/field-table.ts';
import { PropertyScan } from '../protocol/properties.ts';
import { FLAG_EXPIRATION } from '../protocol/property-flags.ts';
import { isWellFormedTable } from '../protocol/table-scan.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { Durability } from '../routing/durability.ts';
import { Resolution } from '../routing/resolution.ts';
import type { Channel } from './channel.ts';
import { PublishedMessage } from './published-message.ts';
import type { QueuePace } from './queue-pace.ts';
import type { QueuePaces } from './queue-paces.ts';
import { makeRoute, type Route, type RouteLeg, type RouteOptions } from './route.ts';
import type { ShardLink } from './shard-link.ts';
import { TransactionSpace } from './transaction-space.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';

/** A complete publish, wherever its bytes lie; one reused instance per acceptor. */
export class IncomingPublish {
  /** Holds exrk, and props and, for inline messages, the body. */
  bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  view: DataView<ArrayBufferLike> = new DataView(new ArrayBuffer(0));
  exrkAt = 0;
  exrkBytes = 0;
  isMandatory = false;
  /** Where the properties are that go out; `bytes`, unless they were written anew. */
  propsSource: Buffer<ArrayBufferLike> = this.bytes;
  propsAt = 0;
  propsBytes = 0;
  bodyAt = 0;
  bodyBytes = 0;
  /** First slab page of props and body, or -1 when the message goes inline. */
  slabPage = -1;
  /** The body lies in the slab behind so many bytes, and props are not there. 0: they are. */
  slabSkip = 0;
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
  private readonly unroutable: Route;
  private readonly routesToOne: WeakMap<QueueSpec, Route>;
  /** Of the message scanned last, or NO_TTL. */
  private ttlMillis: number;
  readonly transactions: TransactionSpace;
  publishedCount: number;
  unroutableCount: number;

  constructor(
    links: readonly ShardLink[],
    paces: QueuePaces,
    slab: SlabAllocator,
    inlineBytesMax: number,
    durability: Durability,
  ) {
    this.links = links;
    const targetsMax = publishTargetsMax(links[0].work.recordBytesMax, inlineBytesMax);
    this.routeOptions = { targetsMax, durability };
    this.paceOf = (queueId) => paces.of(queueId);
    this.slab = slab;
    this.scan = new PropertyScan();
    this.resolution = new Resolution();
    this.routed = new PublishedMessage();
    this.unroutable = { legs: [], paces: [] };
    this.routesToOne = new WeakMap();
    this.ttlMillis = NO_TTL;
    this.transactions = new TransactionSpace(slab);
    this.publishedCount = 0;
    this.unroutableCount = 0;
  }

  /**
   * Takes a publish; false when it cannot be taken now and is to be offered again.
   * Throws AmqpError (404, 403, 501) for one that never can be.
   */
  publish(channel: Channel, message: IncomingPublish): boolean {
    const { alarm } = channel.connection.vhost;
    if (alarm !== undefined) {
      channel.connection.flow.block(alarm);
      return false;
    }
    this.scanProperties(message);
    if (this.scan.headersBytes > 0) this.checkHeaders(message);
    const { routeCache } = channel.connection.vhost;
    const route =
      routeCache.find(message.bytes, message.exrkAt, message.exrkBytes) ??
      this.resolve(channel, message);
    if (channel.transaction !== undefined) {
      channel.transaction.keep(message, route);
      return true;
    }
    return this.send(channel, message, route);
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
      if (!mayGo(channel, route) || !this.write(message, leg, flags)) return false;
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
    let flags = scan.priority << PRIORITY_SHIFT;
    if (scan.deliveryMode === PERSISTENT_MODE) flags |= PERSISTENT_FLAG;
    if (message.slabPage >= 0)
      flags |= message.slabSkip > 0 ? SLAB_FLAG | OWN_PROPS_FLAG : SLAB_FLAG;
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
      this.write(message, leg, flags);
      leg.link.unconfirmed[laneFor(leg, flags)].expect(sink, number);
    }
    this.publishedCount += 1;
    return legs.length;
  }

  private hasRoomFor(message: IncomingPublish, legs: readonly RouteLeg[], flags: number): boolean {
    for (const leg of legs) {
      // Several legs on one link happen only beyond many thousand queues; all then need room.
      const needed =
        recordBytes(message, leg.queueIds.length, flags) *
        (legs.length > this.links.length ? legs.length : 1);
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
      this.write(message, leg, flags);
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

  /** Writes one PUBLISH record; false when the ring has no room. */
  private write(message: IncomingPublish, leg: RouteLeg, flags: number): boolean {
    const { link, queueIds } = leg;
    const { words, bytes } = link.work;
    const lane = laneFor(leg, flags);
    const targetCount = queueIds.length;
    const at = link.claimPublish(recordBytes(message, targetCount, flags), lane);
    if (at < 0) return false;
    const { exrkBytes, propsBytes, bodyBytes } = message;
    words[at + PUBLISH_FLAGS] = flags | (lane << LANE_SHIFT);
    words[at + PUBLISH_EXRK_BYTES] = exrkBytes;
    words[at + PUBLISH_PROPS_BYTES] = propsBytes;
    words[at + PUBLISH_BODY_BYTES] = bodyBytes;
    words[at + PUBLISH_SLAB_PAGE] = message.slabPage;
    words[at + PUBLISH_TARGET_COUNT] = targetCount;
    for (let i = 0; i < targetCount; i += 1) words[at + PUBLISH_TARGETS + i] = queueIds[i];
    const traits = traitWords(flags);
    if (traits > 0) this.writeTraits(words, at + PUBLISH_TARGETS + targetCount, flags, message);
    const dataAt = (at + publishDataWord(targetCount + traits)) * 4;
    copyBytes(message.bytes, message.exrkAt, bytes, dataAt, exrkBytes);
    if (message.slabPage >= 0 && message.slabSkip === 0) return true;
    copyBytes(message.propsSource, message.propsAt, bytes, dataAt + exrkBytes, propsBytes);
    if (message.slabPage >= 0) return true;
    copyBytes(message.bytes, message.bodyAt, bytes, dataAt + exrkBytes + propsBytes, bodyBytes);
    return true;
  }

  private writeTraits(
    words: Int32Array,
    from: number,
    flags: number,
    message: IncomingPublish,
  ): void {
    let at = from;
    if ((flags & EXPIRES_FLAG) !== 0) {
      writeTtl(words, at, this.ttlMillis);
      at += 2;
    }
    if ((flags & OWN_PROPS_FLAG) !== 0) words[at] = message.slabSkip;
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

  private checkHeaders(message: IncomingPublish): void {
    const { headersOffset, headersBytes } = this.scan;
    const end = headersOffset + headersBytes;
    if (isWellFormedTable(message.bytes, message.view, headersOffset, end)) return;
    // Throws, and says what is wrong.
    decodeTable(message.bytes, message.view, headersOffset, end);
    throw new AmqpError(malformedHeader());
  }

  /** The real matchers; remembers the result unless it depends on more than the key. */
  private resolve(channel: Channel, message: IncomingPublish): Route {
    const { vhost } = channel.connection;
    const { bytes, exrkAt } = message;
    const exchangeEnd = exrkAt + 1 + bytes[exrkAt];
    const exchange = bytes.toString('utf8', exrkAt + 1, exchangeEnd);
    const key = bytes.toString('utf8', exchangeEnd + 1, exrkAt + message.exrkBytes);
    const { resolution, routed } = this;
    routed.of(message, this.scan);
    vhost.routes.resolve(exchange, key, routed, resolution);
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
    if (resolution.isCacheable) {
      vhost.routeCache.add(bytes, exrkAt, message.exrkBytes, route);
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

/** Only persistent messages are kept on disk. */
function laneFor(leg: RouteLeg, flags: number): number {
  return (flags & PERSISTENT_FLAG) === 0 ? LANE_MEMORY : leg.lane;
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

function recordBytes(message: IncomingPublish, targetCount: number, flags: number): number {
  const { exrkBytes, propsBytes, bodyBytes } = message;
  let bytes = exrkBytes + propsBytes + bodyBytes;
  if ((flags & SLAB_FLAG) !== 0) bytes -= bodyBytes;
  if ((flags & (SLAB_FLAG | OWN_PROPS_FLAG)) === SLAB_FLAG) bytes -= propsBytes;
  return publishRecordBytes(targetCount + traitWords(flags), bytes);
}
