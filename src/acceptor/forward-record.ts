// What stands in a FORWARD record (shards/mailbox/from-shard-layout.ts), and the publish that
// becomes of it. Acceptor thread, cold: dead letters are rare.
import * as layout from '../../shards/mailbox/from-shard-layout.ts';
import { DIED_FLAG, OWN_PROPS_FLAG, SLAB_FLAG } from '../../shards/mailbox/to-shard-layout.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { NO_PAGE, type Slab } from '../../shards/mailbox/slab.ts';
import { readSlab } from '../../shards/mailbox/slab-copying.ts';
import type { RingConsumer } from '../../shards/ring/ring-consumer.ts';
import { copyBytes } from '../base/copy.ts';
import { alignTo8 } from '../base/round.ts';
import { IncomingPublish } from './publisher.ts';
import { copyToSlab, moveToSlab } from './slab-copy.ts';

/** What `ForwardRecord.message` needs of its acceptor. */
export interface SlabAccess {
  readonly slab: SlabAllocator;
  readonly slabs: readonly Slab[];
  /** Which of them is `slab`. */
  readonly index: number;
  readonly inlineBytesMax: number;
}

export class ForwardRecord {
  readonly number: number;
  readonly reason: layout.ForwardReason;
  readonly vhost: string;
  readonly queue: string;
  /** Where it is to be published; without a routing key by those that it has. */
  readonly exchange: string;
  readonly routingKey: string | undefined;
  /** Where it had been published. */
  readonly oldExchange: string;
  readonly oldRoutingKey: string;
  private readonly words: Int32Array;
  private readonly bytes: Buffer<ArrayBufferLike>;
  private readonly at: number;
  private readonly dataAt: number;

  /** The record at word `at` of a ring; to be used while it is the ring's current one. */
  constructor(ring: RingConsumer, at: number) {
    const { words, bytes } = ring;
    this.words = words;
    this.bytes = bytes;
    this.at = at;
    this.dataAt = (at + layout.FORWARD_DATA) * 4;
    this.number = words[at + layout.FORWARD_NUMBER];
    this.reason = layout.FORWARD_REASONS[words[at + layout.FORWARD_REASON]];
    const [oldExchange, oldRoutingKey] = shortStrings(
      bytes,
      this.dataAt,
      this.dataAt + this.exrkBytes,
    );
    this.oldExchange = oldExchange;
    this.oldRoutingKey = oldRoutingKey;
    const from = this.dataAt + alignTo8(this.inlineBytes);
    const end = from + words[at + layout.FORWARD_ADDRESS_BYTES];
    const [vhost, queue, exchange, routingKey] = shortStrings(bytes, from, end);
    this.vhost = vhost;
    this.queue = queue;
    this.exchange = exchange;
    this.routingKey = routingKey;
  }

  /** A copy of the properties. */
  props(slabs: readonly Slab[]): Buffer {
    const props = Buffer.allocUnsafe(this.propsBytes);
    if (!this.isSlab || this.hasOwnProps) {
      copyBytes(this.bytes, this.dataAt + this.exrkBytes, props, 0, props.length);
    } else {
      const slab = slabs[this.words[this.at + layout.FORWARD_SLAB_OWNER]];
      readSlab(slab, this.words[this.at + layout.FORWARD_SLAB_PAGE], props);
    }
    return props;
  }

  /**
   * The message with other exrk and properties: its body where it lies, or copied where that cannot
   * be. Undefined when the slab has no room for the copy now.
   */
  message(exrk: Buffer, props: Buffer, access: SlabAccess): IncomingPublish | undefined {
    const { slab, slabs, index, inlineBytesMax } = access;
    const { words, at } = this;
    const bodyBytes = words[at + layout.FORWARD_BODY_BYTES];
    const inlineBodyBytes = this.isSlab ? 0 : bodyBytes;
    const own = Buffer.allocUnsafe(exrk.length + props.length + inlineBodyBytes);
    own.set(exrk, 0);
    own.set(props, exrk.length);
    const message = new IncomingPublish();
    const view = new DataView(own.buffer, own.byteOffset, own.length);
    message.liesIn(own, view, exrk.length, props.length);
    message.bodyBytes = bodyBytes;
    if (!this.isSlab) {
      const bodyAt = this.dataAt + this.exrkBytes + this.propsBytes;
      copyBytes(this.bytes, bodyAt, own, message.bodyAt, bodyBytes);
      // It may have outgrown the rings by its new properties.
      if (own.length <= inlineBytesMax) return message;
      message.slabPage = moveToSlab(slab, own.subarray(exrk.length));
      return message.slabPage === NO_PAGE ? undefined : message;
    }
    const owner = words[at + layout.FORWARD_SLAB_OWNER];
    const page = words[at + layout.FORWARD_SLAB_PAGE];
    const skip = this.hasOwnProps ? words[at + layout.FORWARD_SLAB_SKIP] : this.propsBytes;
    if (owner === index && exrk.length + props.length <= inlineBytesMax) {
      message.slabPage = page;
      message.slabSkip = skip;
      return message;
    }
    message.slabPage = copyToSlab(slab, props, { slab: slabs[owner], page, skip, bodyBytes });
    return message.slabPage === NO_PAGE ? undefined : message;
  }

  /** Its x-death was written by the broker. */
  get hasDied(): boolean {
    return (this.words[this.at + layout.FORWARD_FLAGS] & DIED_FLAG) !== 0;
  }

  private get isSlab(): boolean {
    return (this.words[this.at + layout.FORWARD_FLAGS] & SLAB_FLAG) !== 0;
  }

  private get hasOwnProps(): boolean {
    return (this.words[this.at + layout.FORWARD_FLAGS] & OWN_PROPS_FLAG) !== 0;
  }

  private get exrkBytes(): number {
    return this.words[this.at + layout.FORWARD_EXRK_BYTES];
  }

  private get propsBytes(): number {
    return this.words[this.at + layout.FORWARD_PROPS_BYTES];
  }

  private get inlineBytes(): number {
    const { exrkBytes, propsBytes } = this;
    if (this.isSlab) return this.hasOwnProps ? exrkBytes + propsBytes : exrkBytes;
    return exrkBytes + propsBytes + this.words[this.at + layout.FORWARD_BODY_BYTES];
  }
}

/** Exchange and routing key as two short strings. */
export function exrkOf(exchange: string, routingKey: string): Buffer {
  const name = Buffer.from(exchange, 'utf8');
  const key = Buffer.from(routingKey, 'utf8');
  return Buffer.concat([Buffer.of(name.length), name, Buffer.of(key.length), key]);
}

function shortStrings(bytes: Buffer<ArrayBufferLike>, from: number, end: number): string[] {
  const strings: string[] = [];
  for (let at = from; at < end; at += 1 + bytes[at]) {
    strings.push(bytes.toString('utf8', at + 1, at + 1 + bytes[at]));
  }
  return strings;
}
