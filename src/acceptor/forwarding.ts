// Publishes what shards forward: messages that a queue is rid of, to their dead letter exchange.
// Acceptor thread, cold; the other end is shards/deadletter/forwards.ts.
//
//   FORWARD -> headers say why -> routed -> PUBLISH records -> all confirmed -> FORWARDED
//
// A message that finds a ring full waits here, in memory of its own, in order; a shard has few
// underway, so these are few. What no queue gets has reached its end, as in RabbitMQ; a shard that
// must not lose it (at-least-once) offers it again.
import type { DeathReason } from '../../shards/mailbox/from-shard-layout.ts';
import {
  FORWARDED_DONE,
  FORWARDED_FAILED,
  FORWARDED_LATER,
} from '../../shards/mailbox/to-shard-layout.ts';
import { NO_PAGE } from '../../shards/mailbox/slab.ts';
import { decodeTable } from '../protocol/field-table.ts';
import { decodeProperties, PropertyScan } from '../protocol/properties.ts';
import { FLAG_EXPIRATION } from '../protocol/property-flags.ts';
import { withHeaders } from '../protocol/property-splice.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import type { QueueSpec } from '../routing/change.ts';
import { Resolution } from '../routing/resolution.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import type { VhostRoutes } from '../routing/vhost-routes.ts';
import type { Acceptor } from './acceptor.ts';
import { afterDeath, type Death, isCycle, keysOf, withoutDeaths } from './death-headers.ts';
import { exrkOf, ForwardRecord } from './forward-record.ts';
import type { IncomingPublish } from './publisher.ts';
import type { ShardLink } from './shard-link.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';

const DIGITS_LONGEST = 20;

/** One forwarded message until its targets have it. */
interface Forwarded {
  readonly link: ShardLink;
  readonly number: number;
  readonly message: IncomingPublish;
  readonly queues: readonly QueueSpec[];
  /** A copy in the own slab, which is ours until the message has gone. */
  readonly copyPage: number;
}

interface DeadLetter {
  readonly exrk: Buffer;
  readonly props: Buffer;
  readonly queues: readonly QueueSpec[];
}

interface Underway {
  readonly link: ShardLink;
  readonly number: number;
  left: number;
  isRefused: boolean;
}

export class Forwarding implements ConfirmSink {
  private readonly acceptor: Acceptor;
  private readonly scan: PropertyScan;
  private readonly resolution: Resolution;
  private readonly underway: Map<number, Underway>;
  /** They wait for room. */
  private readonly parked: Forwarded[];
  private nextNumber: number;
  /** Dead letters published, and those that no queue got. */
  publishedCount: number;
  droppedCount: number;

  constructor(acceptor: Acceptor) {
    this.acceptor = acceptor;
    this.scan = new PropertyScan();
    this.resolution = new Resolution();
    this.underway = new Map();
    this.parked = [];
    this.nextNumber = 1;
    this.publishedCount = 0;
    this.droppedCount = 0;
  }

  /** A FORWARD record at word `at` of the shard's ring. */
  take(link: ShardLink, at: number): void {
    const record = new ForwardRecord(link.deliveries, at);
    const deadLetter = this.address(record);
    if (deadLetter === undefined) {
      this.droppedCount += 1;
      link.forwarded(record.number, FORWARDED_FAILED);
      return;
    }
    const { exrk, props, queues } = deadLetter;
    const message = record.message(exrk, props, this.acceptor);
    if (message === undefined) {
      link.forwarded(record.number, FORWARDED_LATER);
      return;
    }
    const isCopy = message.slabPage !== NO_PAGE && message.slabSkip === 0;
    const copyPage = isCopy ? message.slabPage : NO_PAGE;
    const forwarded = { link, number: record.number, message, queues, copyPage };
    if (this.parked.length > 0 || !this.publish(forwarded)) this.parked.push(forwarded);
  }

  /** Tries again what found no room. True when something still waits. */
  retry(): boolean {
    while (this.parked.length > 0) {
      if (!this.publish(this.parked[0])) return true;
      this.parked.shift();
    }
    return false;
  }

  get isWaiting(): boolean {
    return this.parked.length > 0;
  }

  confirm(number: number): boolean {
    const one = this.underway.get(number)!;
    one.left -= 1;
    if (one.left > 0) return false;
    this.underway.delete(number);
    one.link.forwarded(one.number, one.isRefused ? FORWARDED_FAILED : FORWARDED_DONE);
    return false;
  }

  refuse(number: number): void {
    this.underway.get(number)!.isRefused = true;
  }

  private publish(forwarded: Forwarded): boolean {
    const { link, number, message, queues, copyPage } = forwarded;
    const own = this.nextNumber;
    const { publisher, slab } = this.acceptor;
    const left = publisher.publishTo(queues, message, this, own);
    if (left === 0) return false;
    this.nextNumber += 1;
    this.publishedCount += 1;
    this.underway.set(own, { link, number, left, isRefused: false });
    if (copyPage !== NO_PAGE) slab.release(copyPage);
    return true;
  }

  /** What the dead letter says, and who is to get it; undefined when nobody is. */
  private address(record: ForwardRecord): DeadLetter | undefined {
    const { vhost, exchange, routingKey, reason } = record;
    const routes = this.acceptor.vhost(vhost)?.routes;
    if (routes === undefined) return undefined;
    const props = record.props(this.acceptor.slabs);
    const view = new DataView(props.buffer, props.byteOffset, props.length);
    const { scan } = this;
    if (!scan.scan(props, view, 0, props.length)) {
      throw new Error('acceptor: a shard has forwarded a message with malformed properties');
    }
    const { headersOffset: from, headersBytes } = scan;
    const table = headersBytes === 0 ? {} : decodeTable(props, view, from, from + headersBytes);
    const before = record.hasDied ? table : withoutDeaths(table);
    const oldKeys = [record.oldRoutingKey, ...keysOf(before, 'CC')];
    const death: Death = {
      queue: record.queue,
      reason,
      atSeconds: Math.floor(Date.now() / 1000),
      exchange: record.oldExchange,
      routingKeys: oldKeys,
      expiration: this.expiration(props),
    };
    const headers = afterDeath(before, death, routingKey === undefined);
    const keys = routingKey === undefined ? oldKeys : [routingKey];
    const routed = {
      headers,
      get properties() {
        return decodeProperties(new WireReader(props));
      },
    };
    const queues = this.targets(routes, exchange, keys, routed, reason);
    if (queues.length === 0) return undefined;
    const exrk = exrkOf(exchange, keys[0]);
    return { exrk, props: withHeaders(props, 0, props.length, scan, headers, true), queues };
  }

  /** Where it goes, without queues to which it would come back for ever. */
  private targets(
    routes: VhostRoutes,
    exchange: string,
    keys: readonly string[],
    message: RoutedMessage,
    reason: DeathReason,
  ): QueueSpec[] {
    const { resolution } = this;
    routes.resolveKeys(exchange, keys, message, resolution);
    if (resolution.status === 'no-exchange') return [];
    if (reason === 'rejected') return [...resolution.queues];
    return resolution.queues.filter((queue) => !isCycle(message.headers ?? {}, queue.name));
  }

  private expiration(props: Buffer): string | undefined {
    const { flags, expirationOffset, expirationBytes } = this.scan;
    if ((flags & FLAG_EXPIRATION) === 0 || expirationBytes > DIGITS_LONGEST) return undefined;
    return props.toString('latin1', expirationOffset, expirationOffset + expirationBytes);
  }
}
