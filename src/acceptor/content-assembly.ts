// Puts a publish together whose frames do not lie one behind the other in a single read: method,
// then header, then body frames, with frames of other channels in between. Acceptor thread, one per
// channel that needs it. Small messages gather in a heap buffer of exactly their size (announced,
// and checked against max_message_size first); larger ones go straight into the acceptor's slab.
import { SLAB_PAGE_BYTES, type SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { copyBytes } from '../base/copy.ts';
import { bodyTooLong } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { IncomingPublish } from './publisher.ts';

const IDLE = 0;
const EXPECTS_HEADER = 1;
const EXPECTS_BODY = 2;
const COMPLETE = 3;

export class ContentAssembly {
  private readonly slab: SlabAllocator;
  private readonly inlineBytesMax: number;
  private state: number;
  /** exrk, props and, for an inline message, the body. */
  private buffer: Buffer;
  private exrk: Buffer;
  private isMandatory: boolean;
  private propsBytes: number;
  private bodyBytes: number;
  private receivedBytes: number;
  private slabPage: number;

  constructor(slab: SlabAllocator, inlineBytesMax: number) {
    this.slab = slab;
    this.inlineBytesMax = inlineBytesMax;
    this.state = IDLE;
    this.buffer = Buffer.alloc(0);
    this.exrk = this.buffer;
    this.isMandatory = false;
    this.propsBytes = 0;
    this.bodyBytes = 0;
    this.receivedBytes = 0;
    this.slabPage = -1;
  }

  get isIdle(): boolean {
    return this.state === IDLE;
  }

  get expectsHeader(): boolean {
    return this.state === EXPECTS_HEADER;
  }

  get expectsBody(): boolean {
    return this.state === EXPECTS_BODY;
  }

  get isComplete(): boolean {
    return this.state === COMPLETE;
  }

  /** basic.publish has come; its arguments are copied. */
  begin(exrk: Buffer, isMandatory: boolean): void {
    this.exrk = Buffer.from(exrk);
    this.isMandatory = isMandatory;
    this.state = EXPECTS_HEADER;
  }

  /** False when the slab has no room now: the header is to be offered again later. */
  header(props: Buffer, bodyBytes: number): boolean {
    const exrkBytes = this.exrk.length;
    const inlineBytes = exrkBytes + props.length + bodyBytes;
    this.slabPage = -1;
    if (inlineBytes > this.inlineBytesMax) {
      this.slabPage = this.slab.allocate(props.length + bodyBytes);
      if (this.slabPage < 0) return false;
      this.buffer = Buffer.allocUnsafe(exrkBytes + props.length);
      copyBytes(props, 0, this.slab.bytes, this.slabPage * SLAB_PAGE_BYTES, props.length);
    } else {
      this.buffer = Buffer.allocUnsafe(inlineBytes);
    }
    this.exrk.copy(this.buffer);
    props.copy(this.buffer, exrkBytes);
    this.propsBytes = props.length;
    this.bodyBytes = bodyBytes;
    this.receivedBytes = 0;
    this.state = bodyBytes === 0 ? COMPLETE : EXPECTS_BODY;
    return true;
  }

  /** Takes `count` bytes of body, a frame's whole payload or part of it. */
  body(bytes: Buffer, from: number, count: number): void {
    if (count > this.bodyBytes - this.receivedBytes) {
      throw new AmqpError(bodyTooLong(this.bodyBytes, this.receivedBytes + count));
    }
    const offset = this.propsBytes + this.receivedBytes;
    if (this.slabPage >= 0) {
      copyBytes(bytes, from, this.slab.bytes, this.slabPage * SLAB_PAGE_BYTES + offset, count);
    } else {
      copyBytes(bytes, from, this.buffer, this.exrk.length + offset, count);
    }
    this.receivedBytes += count;
    if (this.receivedBytes === this.bodyBytes) this.state = COMPLETE;
  }

  /** Describes the complete publish. */
  fill(message: IncomingPublish): void {
    const { buffer } = this;
    message.bytes = buffer;
    message.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    message.exrkAt = 0;
    message.exrkBytes = this.exrk.length;
    message.isMandatory = this.isMandatory;
    message.propsAt = this.exrk.length;
    message.propsBytes = this.propsBytes;
    message.bodyAt = this.exrk.length + this.propsBytes;
    message.bodyBytes = this.bodyBytes;
    message.slabPage = this.slabPage;
  }

  /** The publish has been handed on: its slab run now belongs to the shards. */
  finish(): void {
    this.slabPage = -1;
    this.state = IDLE;
  }

  /** The channel is gone or refuses the publish: what was allocated is given back. */
  abandon(): void {
    if (this.slabPage >= 0) this.slab.release(this.slabPage);
    this.finish();
  }
}
