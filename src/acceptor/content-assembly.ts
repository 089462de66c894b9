// Puts a publish together whose frames do not lie one behind the other in a single read: method,
// then header, then body frames, with frames of other channels in between. Acceptor thread, one per
// channel that needs it. Small messages gather in a heap buffer of exactly their size (announced,
// and checked against max_message_size first). Of larger ones only the props do, if they are small;
// the body goes to the acceptor's slab (slab-body.ts), where memory for all of it is promised at
// its header.
import { NO_PAGE } from '../../shards/mailbox/slab.ts';
import { copyBytes } from '../base/copy.ts';
import { powerOfTwoAtLeast } from '../base/round.ts';
import { bodyTooLong } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { type IncomingPublish, PROPS_IN_SLAB } from './publisher.ts';
import type { ReadRuns } from './read-run.ts';
import { SlabBody } from './slab-body.ts';

const IDLE = 0;
const EXPECTS_HEADER = 1;
const EXPECTS_BODY = 2;
const COMPLETE = 3;

/** Exchange, routing key and properties fit nearly always: one buffer for all publishes. */
const KEPT_BYTES_MAX = 1024;

export class ContentAssembly {
  private readonly runs: ReadRuns;
  private readonly inlineBytesMax: number;
  private state: number;
  /** exrk, props and, for an inline message, the body. */
  private buffer: Buffer<ArrayBuffer>;
  private view: DataView<ArrayBuffer>;
  private exrkBytes: number;
  private isMandatory: boolean;
  private propsBytes: number;
  private bodyBytes: number;
  private receivedBytes: number;
  /** Made with the first large body. */
  private slabBody: SlabBody | undefined;
  private isSlab: boolean;
  private arePropsInSlab: boolean;

  constructor(runs: ReadRuns, inlineBytesMax: number) {
    this.runs = runs;
    this.inlineBytesMax = inlineBytesMax;
    this.state = IDLE;
    this.buffer = NOTHING;
    this.view = NO_VIEW;
    this.exrkBytes = 0;
    this.isMandatory = false;
    this.propsBytes = 0;
    this.bodyBytes = 0;
    this.receivedBytes = 0;
    this.slabBody = undefined;
    this.isSlab = false;
    this.arePropsInSlab = false;
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

  /** Slab pages are taken for a body of which more has to come. */
  get holdsSlab(): boolean {
    return this.state === EXPECTS_BODY && this.isSlab;
  }

  /** How much of the body has come. */
  get received(): number {
    return this.receivedBytes;
  }

  /** How large it was announced to be. */
  get announced(): number {
    return this.bodyBytes;
  }

  /** basic.publish has come; its arguments are copied. */
  begin(bytes: Buffer, exrkAt: number, exrkBytes: number, isMandatory: boolean): void {
    this.reserve(exrkBytes, 0);
    copyBytes(bytes, exrkAt, this.buffer, 0, exrkBytes);
    this.exrkBytes = exrkBytes;
    this.isMandatory = isMandatory;
    this.state = EXPECTS_HEADER;
  }

  /** False when the slab has no room now: the header is to be offered again later. */
  header(bytes: Buffer, propsAt: number, propsBytes: number, bodyBytes: number): boolean {
    const { exrkBytes } = this;
    const inlineBytes = exrkBytes + propsBytes + bodyBytes;
    this.isSlab = inlineBytes > this.inlineBytesMax;
    this.arePropsInSlab = this.isSlab && exrkBytes + propsBytes > this.inlineBytesMax;
    if (this.isSlab) {
      this.slabBody ??= new SlabBody(this.runs);
      const inSlab = this.arePropsInSlab ? propsBytes : 0;
      if (!this.slabBody.reserve(inSlab + bodyBytes)) {
        this.isSlab = false;
        return false;
      }
      this.reserve(exrkBytes + propsBytes, exrkBytes);
      if (inSlab > 0) this.slabBody.add(bytes, propsAt, propsBytes);
    } else {
      this.reserve(inlineBytes, exrkBytes);
    }
    copyBytes(bytes, propsAt, this.buffer, exrkBytes, propsBytes);
    this.propsBytes = propsBytes;
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
    if (this.isSlab) this.slabBody!.add(bytes, from, count);
    else {
      const to = this.exrkBytes + this.propsBytes + this.receivedBytes;
      copyBytes(bytes, from, this.buffer, to, count);
    }
    this.receivedBytes += count;
    if (this.receivedBytes === this.bodyBytes) this.state = COMPLETE;
  }

  /** Describes the complete publish. */
  fill(message: IncomingPublish): void {
    message.liesIn(this.buffer, this.view, this.exrkBytes, this.propsBytes);
    message.isMandatory = this.isMandatory;
    message.bodyBytes = this.bodyBytes;
    message.slabPage = this.isSlab ? this.slabBody!.page : NO_PAGE;
    message.slabSkip = this.isSlab && !this.arePropsInSlab ? 0 : PROPS_IN_SLAB;
  }

  /** The publish has been handed on: its slab pages now belong to the shards. */
  finish(): void {
    if (this.isSlab) this.slabBody!.finish();
    this.isSlab = false;
    this.state = IDLE;
    if (this.buffer.length <= KEPT_BYTES_MAX) return;
    this.buffer = NOTHING;
    this.view = NO_VIEW;
  }

  /** The channel is gone or refuses the publish: what was allocated is given back. */
  abandon(): void {
    if (this.isSlab) this.slabBody!.abandon();
    this.finish();
  }

  /** Makes room for `count` bytes and keeps the first `kept`. */
  private reserve(count: number, kept: number): void {
    if (this.buffer.length >= count) return;
    const grown = Buffer.allocUnsafe(count <= KEPT_BYTES_MAX ? powerOfTwoAtLeast(count) : count);
    copyBytes(this.buffer, 0, grown, 0, kept);
    this.buffer = grown;
    this.view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }
}

const NOTHING = Buffer.alloc(0);
const NO_VIEW = new DataView(NOTHING.buffer);
