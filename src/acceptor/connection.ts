// One client connection: its state, its channels, its two directions. Acceptor thread. A connection
// lives its whole life on one acceptor. What its methods do is in handlers/.
//
//   header -> start-ok -> tune-ok -> open -> running -> closing -> closed
//
// Stalled: something the client sent cannot be taken now (a ring is full, a queue's publishers are
// paced, a backlog or the output is full). The socket is not read until it can; nothing is lost and
// deliveries to this client go on.
import type { Socket } from 'node:net';
import * as layout from '../../shards/mailbox/to-shard-layout.ts';
import {
  channelNotOpen,
  channelNumberTooHigh,
  contentOnChannelZero,
  frameTooLarge,
  heartbeatWithPayload,
  unexpectedFrame,
  unknownFrameType,
} from '../errors/connection-refusals.ts';
import { AmqpError, type Refusal } from '../errors/refusal.ts';
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from '../protocol/constants.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import {
  encodeMethod,
  ID_BASIC_PUBLISH,
  ID_CHANNEL_CLOSE,
  ID_CHANNEL_CLOSE_OK,
  ID_CHANNEL_OPEN,
  type Method,
} from '../protocol/methods.generated.ts';
import type { Acceptor } from './acceptor.ts';
import { Channel } from './channel.ts';
import type { WaitingFrame } from './channel-backlog.ts';
import type { ClientConsumer } from './client-consumer.ts';
import { ConnectionInput } from './connection-input.ts';
import { dispatchChannelMethod, dispatchConnectionMethod } from './dispatch.ts';
import { DeliveryCredit } from './delivery-credit.ts';
import { contentHeader, publishMethod } from './content-input.ts';
import { FrameReader } from './frame-reader.ts';
import { Heartbeat, type HeartbeatNeed } from './heartbeat.ts';
import { Output, type OutputOwner } from './output.ts';
import type { VhostContext } from './vhost-context.ts';

export type ConnectionState =
  | 'header'
  | 'start-ok'
  | 'tune-ok'
  | 'open'
  | 'running'
  | 'closing'
  | 'closed';

/** RabbitMQ lets a client go over by the size of the framing unpunished. */
const FRAME_SLACK_BYTES = FRAME_OVERHEAD_BYTES;
/** Before login a client needs no more than this (RabbitMQ's initial_frame_max). */
const FRAME_MAX_BEFORE_TUNE = 8192;

const HEARTBEAT_FRAME = Uint8Array.of(FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);

const DROP_REASONS: Partial<Record<HeartbeatNeed, string>> = {
  missed: 'nothing was received for two heartbeat intervals',
  'handshake-timeout': 'the client did not finish opening in time (handshake_timeout)',
};

export class Connection implements OutputOwner {
  readonly acceptor: Acceptor;
  readonly socket: Socket;
  /** Names the connection in ring records; never reused by this acceptor. */
  readonly id: number;
  /** Names the connection in the whole broker: owner of exclusive queues. */
  readonly globalId: number;
  readonly name: string;
  readonly output: Output;
  readonly credit: DeliveryCredit;
  readonly heartbeat: Heartbeat;
  readonly input: ConnectionInput;
  state: ConnectionState;
  frameMax: number;
  payloadBytesMax: number;
  channelMax: number;
  user: string;
  clientProperties: FieldTable;
  /** Set once connection.open has succeeded. */
  vhost: VhostContext;
  isStalled: boolean;
  /** The protocol header as far as it has come. */
  headerSoFar: Buffer;
  /** Some exclusive queue is owned: the end of the connection has to be told and waited for. */
  ownsExclusiveQueues: boolean;
  /** An answer from main is awaited (login, opening); nothing more is read meanwhile. */
  private isWaiting: boolean;
  private readonly channels: (Channel | undefined)[];
  /** Channels with frames that wait although the channel itself no longer does. */
  private readonly delayed: Set<Channel>;
  /** The channel whose assembled publish found no room. */
  private heldPublisher: Channel | undefined;
  private onQuiet: (() => void) | undefined;

  constructor(acceptor: Acceptor, socket: Socket, id: number, name: string) {
    this.acceptor = acceptor;
    this.socket = socket;
    this.id = id;
    this.globalId = acceptor.globalIdOf(id);
    this.name = name;
    this.output = new Output(socket, acceptor.outputPool, this);
    this.credit = new DeliveryCredit(id, acceptor.links, acceptor.config.consumerWindowBytes);
    this.heartbeat = new Heartbeat(acceptor.config.handshakeTimeoutMillis);
    this.input = new ConnectionInput(this, new FrameReader(this));
    this.state = 'header';
    this.frameMax = FRAME_MAX_BEFORE_TUNE;
    this.payloadBytesMax = FRAME_MAX_BEFORE_TUNE;
    this.channelMax = 0;
    this.user = '';
    this.clientProperties = {};
    this.vhost = acceptor.noVhost;
    this.isStalled = false;
    this.headerSoFar = Buffer.alloc(0);
    this.isWaiting = false;
    this.ownsExclusiveQueues = false;
    this.channels = [];
    this.delayed = new Set();
    this.heldPublisher = undefined;
    this.onQuiet = undefined;
  }

  /** True until the connection is closed: there is a point in handling or holding its bytes. */
  get isUsable(): boolean {
    return this.state !== 'closed';
  }

  get openChannelCount(): number {
    let count = 0;
    for (const channel of this.channels) if (channel !== undefined) count += 1;
    return count;
  }

  /** The client announced this capability in connection.start-ok. */
  hasCapability(name: string): boolean {
    const capabilities = this.clientProperties['capabilities'];
    return (
      typeof capabilities === 'object' &&
      capabilities !== null &&
      (capabilities as FieldTable)[name] === true
    );
  }

  send(channel: number, method: Method): void {
    const { writer } = this.acceptor;
    encodeMethod(writer, channel, method);
    this.output.append(writer.take());
  }

  setFrameMax(frameMax: number): void {
    this.frameMax = frameMax;
    this.payloadBytesMax = frameMax - FRAME_OVERHEAD_BYTES + FRAME_SLACK_BYTES;
  }

  /** Login and opening are over. */
  opened(vhost: VhostContext): void {
    if (this.state !== 'open') return;
    this.vhost = vhost;
    this.state = 'running';
    this.heartbeat.opened();
    this.acceptor.control.notify({
      kind: 'connection-opened',
      info: {
        id: this.globalId,
        name: this.name,
        user: this.user,
        vhost: vhost.name,
        connectedAtMillis: Date.now(),
        clientProperties: this.clientProperties,
      },
    });
  }

  // --- frames in ------------------------------------------------------------------------------

  checkFrameSize(type: number, payloadBytes: number): void {
    if (payloadBytes <= this.payloadBytesMax) return;
    throw new AmqpError(frameTooLarge(type, payloadBytes, this.frameMax));
  }

  /** The channel on which a whole publish may be taken at once, if it may. */
  publishingChannel(number: number): Channel | undefined {
    if (this.state !== 'running') return undefined;
    const channel = this.channels[number];
    if (channel === undefined || !channel.isOpen || channel.isWaiting) return undefined;
    return channel.assembly.isIdle && channel.backlog.isEmpty ? channel : undefined;
  }

  /** The channel that takes part of a body frame before all of it has come, if it may. */
  bodyChannel(number: number): Channel | undefined {
    const channel = this.channels[number];
    if (this.state !== 'running' || channel === undefined || channel.isWaiting) return undefined;
    return channel.assembly.expectsBody && channel.backlog.isEmpty ? channel : undefined;
  }

  /** Handles one whole frame; false when it has to be offered again (the connection is stalled). */
  frame(
    type: number,
    number: number,
    bytes: Buffer<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    if (type === FRAME_HEARTBEAT) {
      if (number !== 0) {
        throw new AmqpError(unexpectedFrame('a frame', `a heartbeat on channel ${number}`));
      }
      if (end > start) throw new AmqpError(heartbeatWithPayload(end - start));
      return true;
    }
    if (type !== FRAME_METHOD && type !== FRAME_HEADER && type !== FRAME_BODY) {
      throw new AmqpError(unknownFrameType(type));
    }
    if (number === 0) {
      if (type !== FRAME_METHOD) throw new AmqpError(contentOnChannelZero('content'));
      this.connectionMethod(bytes, view, start, end);
      return this.isUsable;
    }
    if (this.state === 'closing') return true;
    if (this.state !== 'running') {
      throw new AmqpError(unexpectedFrame('a method of class connection', `channel ${number}`));
    }
    return this.channelFrame(type, number, bytes, view, start, end);
  }

  private connectionMethod(
    bytes: Buffer<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
  ): void {
    try {
      dispatchConnectionMethod(this, bytes, view, start, end);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.refuse(error.refusal, undefined, methodIdOf(FRAME_METHOD, view, start, end));
    }
  }

  private channelFrame(
    type: number,
    number: number,
    bytes: Buffer<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    const channel = this.channels[number];
    if (channel === undefined) return this.frameOnUnknownChannel(type, number, view, start, end);
    if (!channel.isOpen) {
      if (type === FRAME_METHOD && end - start >= 4)
        this.frameWhileClosing(channel, view.getUint32(start));
      return true;
    }
    if (channel.isWaiting || !channel.backlog.isEmpty) {
      channel.backlog.add(type, bytes.subarray(start, end));
      if (channel.backlog.isFull) this.stall();
      return true;
    }
    try {
      return this.handle(channel, type, bytes, view, start, end);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.refuse(error.refusal, channel, methodIdOf(type, view, start, end));
      return this.isUsable;
    }
  }

  private handle(
    channel: Channel,
    type: number,
    bytes: Buffer<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    const { assembly } = channel;
    if (type === FRAME_METHOD) {
      if (!assembly.isIdle) {
        throw new AmqpError(
          unexpectedFrame(
            assembly.expectsHeader ? 'a content header' : 'a content body',
            'a method',
          ),
        );
      }
      const isPublish = end - start >= 4 && view.getUint32(start) === ID_BASIC_PUBLISH;
      if (isPublish) publishMethod(channel, bytes, start, end);
      else dispatchChannelMethod(channel, bytes, view, start, end);
      return true;
    }
    if (type === FRAME_HEADER) return contentHeader(channel, bytes, view, start, end);
    if (!assembly.expectsBody) {
      const expected = assembly.expectsHeader ? 'a content header' : 'a method';
      throw new AmqpError(unexpectedFrame(expected, 'a content body'));
    }
    channel.bodyBytes(bytes, start, end - start);
    channel.bodyFrameEnded();
    return true;
  }

  /** Specification 1.5.2: a channel is opened first. */
  private frameOnUnknownChannel(
    type: number,
    number: number,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    if (type !== FRAME_METHOD) {
      throw new AmqpError(unexpectedFrame('a method', `content on channel ${number}, not open`));
    }
    const id = end - start >= 4 ? view.getUint32(start) : 0;
    // The answer to a channel.close of ours may come after the client's own close was answered.
    if (id === ID_CHANNEL_CLOSE_OK) return true;
    if (id !== ID_CHANNEL_OPEN) {
      this.refuse(channelNotOpen(number), undefined, id);
      return this.isUsable;
    }
    if (number > this.channelMax) {
      throw new AmqpError(channelNumberTooHigh(number, this.channelMax));
    }
    this.channels[number] = new Channel(this, number, this.acceptor.nextChannelId());
    this.acceptor.channelCount += 1;
    this.send(number, { name: 'channel.open-ok' });
    return true;
  }

  private frameWhileClosing(channel: Channel, id: number): void {
    if (id === ID_CHANNEL_CLOSE) this.send(channel.number, { name: 'channel.close-ok' });
    if (id === ID_CHANNEL_CLOSE_OK || id === ID_CHANNEL_CLOSE) this.forgetChannel(channel);
  }

  forgetChannel(channel: Channel): void {
    if (this.channels[channel.number] !== channel) return;
    this.channels[channel.number] = undefined;
    this.delayed.delete(channel);
    this.acceptor.channelCount -= 1;
  }

  // --- stalling and going on ------------------------------------------------------------------

  /** Nothing more is taken from this client until `unstall`. */
  stall(): void {
    if (this.isStalled || !this.isUsable) return;
    this.isStalled = true;
    this.acceptor.stalled.add(this);
    this.socket.pause();
  }

  /** Takes nothing more from the client until `run` is done. */
  whileWaiting(run: () => Promise<void>): void {
    this.isWaiting = true;
    this.stall();
    void run().then(() => {
      this.isWaiting = false;
      this.acceptor.scheduleTurn();
    });
  }

  /** As `stall`; the channel's assembled publish is the first thing to be tried again. */
  stallWith(channel: Channel): void {
    this.heldPublisher = channel;
    this.stall();
  }

  /** Tries to go on; called every turn while stalled. */
  unstall(): void {
    if (this.isWaiting || this.output.isOverfull) return;
    this.isStalled = false;
    this.acceptor.stalled.delete(this);
    this.guard(() => this.goOn());
    if (!this.isStalled && this.isUsable) this.socket.resume();
  }

  private goOn(): void {
    const held = this.heldPublisher;
    if (held !== undefined) {
      this.heldPublisher = undefined;
      if (held.isOpen && !held.finishPublish()) return;
    }
    for (const channel of [...this.delayed]) this.drainBacklog(channel);
    for (const channel of this.channels) if (channel?.backlog.isFull === true) this.stall();
    if (!this.isStalled) this.input.resume();
  }

  /** Calls `onQuiet` when no channel waits for an answer or has frames waiting behind one. */
  whenQuiet(onQuiet: () => void): void {
    if (this.channels.some((channel) => channel?.isBusy === true)) this.onQuiet = onQuiet;
    else onQuiet();
  }

  /** A channel has its answer: handles the frames that waited behind it. */
  channelResumed(channel: Channel): void {
    this.drainBacklog(channel);
    const { onQuiet } = this;
    if (onQuiet === undefined) return;
    this.onQuiet = undefined;
    this.whenQuiet(onQuiet);
  }

  private drainBacklog(channel: Channel): void {
    const { backlog } = channel;
    this.delayed.delete(channel);
    while (!backlog.isEmpty && !channel.isWaiting && channel.isOpen) {
      if (this.isStalled && this.heldPublisher !== undefined) {
        this.delayed.add(channel);
        return;
      }
      const frame = backlog.take();
      this.guard(() => {
        if (!this.replay(channel, frame)) {
          backlog.putBack(frame);
          this.delayed.add(channel);
        }
      });
      if (this.delayed.has(channel)) return;
    }
  }

  /** Handles a frame that waited; false when it has to wait on. */
  private replay(channel: Channel, frame: WaitingFrame): boolean {
    const { type, payload } = frame;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    try {
      return this.handle(channel, type, payload, view, 0, payload.length);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.refuse(error.refusal, channel, methodIdOf(type, view, 0, payload.length));
      return true;
    }
  }

  // --- input and errors -----------------------------------------------------------------------

  /** Handles bytes from the socket. */
  receive(bytes: Buffer<ArrayBuffer>, view: DataView, count: number): void {
    this.heartbeat.received();
    this.guard(() => this.input.receive(bytes, view, count));
    if (this.output.isOverfull) this.stall();
  }

  /** Runs code that handles input; refusals that reach this far close the connection. */
  private guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      // Where the next frame begins is no longer known; the client's next words are close-ok.
      this.input.discard();
      this.refuse(error.refusal, undefined, 0);
    }
  }

  /** Answers a refusal: channel.close or connection.close, as its scope says. */
  refuse(refusal: Refusal, channel: Channel | undefined, methodId: number): void {
    if (channel !== undefined && refusal.scope === 'channel') {
      channel.refuse(refusal, methodId);
      return;
    }
    if (this.state === 'closing' || this.state === 'closed') return;
    this.acceptor.log.warn('connection closed by the broker', {
      connection: this.name,
      user: this.user,
      code: refusal.code,
      reason: refusal.text,
    });
    this.close(refusal, methodId);
  }

  // --- closing --------------------------------------------------------------------------------

  /** Starts the close handshake (specification 1.4.2.9); before tuning there is none. */
  close(refusal: Refusal, methodId: number): void {
    if (this.state === 'closing' || this.state === 'closed') return;
    this.endChannels();
    this.state = 'closing';
    this.heartbeat.expectCloseOk();
    this.send(0, {
      name: 'connection.close',
      replyCode: refusal.code,
      replyText: refusal.text,
      classId: methodId >>> 16,
      methodId: methodId & 0xffff,
    });
  }

  /** Ends all channels; `onSettled` runs when every shard has heard of all of them. */
  endChannels(onSettled?: () => void): void {
    const channels = this.channels.filter((channel) => channel !== undefined);
    let waitingFor = channels.length;
    if (waitingFor === 0) onSettled?.();
    for (const channel of channels) {
      this.forgetChannel(channel);
      channel.end(() => {
        waitingFor -= 1;
        if (waitingFor === 0) onSettled?.();
      });
    }
  }

  /** Writes what is left and ends the socket. */
  finish(): void {
    this.output.flush();
    this.socket.end();
  }

  /** The socket is gone, in whatever way. */
  ended(): void {
    if (this.state === 'closed') return;
    const wasRunning = this.state === 'running';
    this.endChannels();
    this.state = 'closed';
    this.isStalled = false;
    this.acceptor.stalled.delete(this);
    this.input.discard();
    this.output.close();
    for (const link of this.acceptor.links) {
      link.operate(layout.CONNECTION_CLOSE, layout.CONNECTION_CLOSE_BYTES, [this.id]);
    }
    this.acceptor.forgetConnection(this);
    if (wasRunning) {
      this.acceptor.log.warn('client closed the TCP connection without connection.close', {
        connection: this.name,
        user: this.user,
      });
    }
  }

  /** The queue of a consumer has gone (https://www.rabbitmq.com/docs/consumer-cancel). */
  notifyCancelled(consumer: ClientConsumer): void {
    if (!this.hasCapability('consumer_cancel_notify')) return;
    consumer.channel.notice({ name: 'basic.cancel', consumerTag: consumer.tag, nowait: true });
  }

  sendHeartbeat(): void {
    this.output.append(HEARTBEAT_FRAME);
  }

  /** Ends a connection that has run out of time, without a handshake. */
  dropFor(reason: HeartbeatNeed): void {
    if (reason !== 'drop') {
      this.acceptor.log.warn('connection dropped', {
        connection: this.name,
        user: this.user,
        state: this.state,
        reason: DROP_REASONS[reason],
      });
    }
    this.socket.destroy();
  }

  // --- output owner ---------------------------------------------------------------------------

  outputReady(): void {
    this.acceptor.readyToFlush(this);
  }

  outputHandedOver(): void {
    this.credit.flushed();
    this.heartbeat.sent();
  }

  outputFlushed(): void {
    this.credit.written();
    this.acceptor.scheduleTurn();
  }
}

/** What a refusal names: the method in the frame, or publish for its content. */
function methodIdOf(type: number, view: DataView, start: number, end: number): number {
  if (type !== FRAME_METHOD) return ID_BASIC_PUBLISH;
  return end - start >= 4 ? view.getUint32(start) : 0;
}
