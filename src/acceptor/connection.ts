// One client connection: who it is, its state, and its end. Acceptor thread. A connection lives its
// whole life on one acceptor. Its channels, the flow of its input and its two directions have files
// of their own; what its methods do is in handlers/.
//
//   header -> start-ok -> tune-ok -> open -> running -> closing -> closed
import type { Socket } from 'node:net';
import * as layout from '../../shards/mailbox/to-shard-layout.ts';
import {
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
import { encodeMethod, type Method } from '../protocol/methods.generated.ts';
import type { Acceptor } from './acceptor.ts';
import type { Channel } from './channel.ts';
import type { ClientConsumer } from './client-consumer.ts';
import { ConnectionChannels, methodIdOf } from './connection-channels.ts';
import { connectionInfo } from './connection-info.ts';
import { ConnectionFlow } from './connection-flow.ts';
import { ConnectionInput } from './connection-input.ts';
import { ConnectionAccess, NO_ACCESS } from './connection-access.ts';
import { DeliveryCredit } from './delivery-credit.ts';
import { dispatchConnectionMethod } from './dispatch.ts';
import { FrameReader } from './frame-reader.ts';
import { Heartbeat, type HeartbeatNeed } from './heartbeat.ts';
import { Output, type OutputOwner } from './output.ts';
import type { PublishAllowance } from './publish-allowance.ts';
import type { TlsPeer } from './tls-peer.ts';
import { logUnread } from './unread-log.ts';
import { UnreadWatch } from './unread-watch.ts';
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

/** Nothing has come of it, or all has. */
export const NO_HEADER = Buffer.alloc(0);
const UNREAD_ANSWERS_BYTES_MAX = 4 * 1024 * 1024;

const HEARTBEAT_FRAME = Uint8Array.of(FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END);

const DROP_REASONS: Partial<Record<HeartbeatNeed, string>> = {
  missed: 'nothing was received for two heartbeat intervals',
  'handshake-timeout': 'the client did not finish opening in time (handshake_timeout)',
};

export class Connection implements OutputOwner {
  readonly acceptor: Acceptor;
  readonly socket: Socket;
  /** Names the connection in ring records (id-allocator.ts). */
  readonly id: number;
  /** Names the connection in the whole broker: owner of exclusive queues. */
  readonly globalId: number;
  readonly name: string;
  readonly output: Output;
  readonly credit: DeliveryCredit;
  readonly heartbeat: Heartbeat;
  readonly input: ConnectionInput;
  readonly flow: ConnectionFlow;
  readonly channels: ConnectionChannels;
  state: ConnectionState;
  frameMax: number;
  payloadBytesMax: number;
  channelMax: number;
  user: string;
  clientProperties: FieldTable;
  /** What TLS tells of the client; undefined: it has come without. */
  tls: TlsPeer | undefined;
  /** Set once connection.open has succeeded. */
  vhost: VhostContext;
  /** What its user may do there; another one when that changes. */
  access: ConnectionAccess;
  /** Its user is one of the broker's own, whose changes concern it. */
  followsUser: boolean;
  /** What the configuration lets it publish in a second; undefined when that is no matter. */
  allowance: PublishAllowance | undefined;
  /** Bytes received in reads that filled their buffer, since the last one that did not. */
  filledBytes: number;
  /** The protocol header as far as it has come. */
  headerSoFar: Buffer;
  /** Some exclusive queue is owned: the end of the connection has to be told and waited for. */
  ownsExclusiveQueues: boolean;
  private readonly unread: UnreadWatch;
  private isFinishing: boolean;

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
    this.flow = new ConnectionFlow(this);
    this.channels = new ConnectionChannels(this);
    this.state = 'header';
    this.frameMax = FRAME_MAX_BEFORE_TUNE;
    this.payloadBytesMax = FRAME_MAX_BEFORE_TUNE;
    this.channelMax = 0;
    this.user = '';
    this.clientProperties = {};
    this.tls = undefined;
    this.vhost = acceptor.noVhost;
    this.access = new ConnectionAccess('', '', NO_ACCESS, acceptor.accessCounts);
    this.followsUser = false;
    this.allowance = undefined;
    this.filledBytes = 0;
    this.headerSoFar = NO_HEADER;
    this.ownsExclusiveQueues = false;
    this.unread = new UnreadWatch(socket, this.output, acceptor.config.slowConsumerLogMillis);
    this.isFinishing = false;
  }

  /** True until the connection is closed: there is a point in handling or holding its bytes. */
  get isUsable(): boolean {
    return this.state !== 'closed';
  }

  /**
   * The client asks and does not read our answers. Deliveries do not count: they have their window,
   * and the acks of a client that is behind with reading have to be heard all the same.
   */
  get isOverfull(): boolean {
    return this.output.waitingBytes - this.credit.waitingBytes > UNREAD_ANSWERS_BYTES_MAX;
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
    this.allowance = this.acceptor.publishRates.open(this.user);
    this.acceptor.control.notify({ kind: 'connection-opened', info: connectionInfo(this) });
  }

  // --- input ----------------------------------------------------------------------------------

  /** Handles bytes from the socket. */
  receive(bytes: Buffer<ArrayBufferLike>, view: DataView, count: number): void {
    this.heartbeat.received();
    this.flow.guard(() => this.input.receive(bytes, view, count));
    if (this.isOverfull) this.flow.stall();
  }

  checkFrameSize(type: number, payloadBytes: number): void {
    if (payloadBytes <= this.payloadBytesMax) return;
    throw new AmqpError(frameTooLarge(type, payloadBytes, this.frameMax));
  }

  /** Handles one whole frame; false when it has to be offered again (the connection is stalled). */
  frame(
    type: number,
    number: number,
    bytes: Buffer<ArrayBufferLike>,
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
      this.method(bytes, view, start, end);
      return this.isUsable;
    }
    if (this.state === 'closing') return true;
    if (this.state !== 'running') {
      throw new AmqpError(unexpectedFrame('a method of class connection', `channel ${number}`));
    }
    return this.channels.frame(type, number, bytes, view, start, end);
  }

  private method(bytes: Buffer<ArrayBufferLike>, view: DataView, start: number, end: number): void {
    try {
      dispatchConnectionMethod(this, bytes, view, start, end);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.refuse(error.refusal, undefined, methodIdOf(FRAME_METHOD, view, start, end));
    }
  }

  // --- refusing and closing -------------------------------------------------------------------

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

  /** Starts the close handshake (specification 1.4.2.9). */
  close(refusal: Refusal, methodId: number): void {
    if (this.state === 'closing' || this.state === 'closed') return;
    this.channels.endAll();
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

  /** Ends the socket once everything that was said is on its way. */
  finish(): void {
    this.isFinishing = true;
    this.output.flush();
    this.endIfSaid();
  }

  private endIfSaid(): void {
    if (this.isFinishing && this.output.isIdle) this.socket.end();
  }

  /** The socket is gone, in whatever way. */
  ended(): void {
    if (this.state === 'closed') return;
    const wasRunning = this.state === 'running';
    this.channels.endAll();
    this.state = 'closed';
    this.flow.end();
    this.input.discard();
    this.output.close();
    for (const link of this.acceptor.links) {
      link.operate(layout.CONNECTION_CLOSE, layout.CONNECTION_CLOSE_BYTES, [this.id]);
    }
    if (this.allowance !== undefined) {
      this.acceptor.publishRates.close(this.user, this.allowance);
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

  // --- clocks ---------------------------------------------------------------------------------

  /** The client has read nothing for long although data wait for it. */
  get isUnread(): boolean {
    return this.unread.isUnread;
  }

  /** Twice a second: looks at the clocks, and does what they ask for. */
  sweep(now: number): void {
    const news = this.unread.look(now);
    if (news !== undefined) logUnread(this, news);
    // While we do not read, for reasons that are ours, we cannot see that the client is alive.
    if (this.flow.isStalled && !this.isOverfull) this.heartbeat.received();
    const need = this.heartbeat.sweep(now);
    if (need === 'nothing') return;
    if (need === 'send') this.sendHeartbeat();
    else this.dropFor(need);
  }

  private sendHeartbeat(): void {
    this.output.append(HEARTBEAT_FRAME);
  }

  /** Ends a connection that has run out of time, without a handshake. */
  private dropFor(reason: HeartbeatNeed): void {
    if (reason !== 'drop') {
      this.acceptor.log.warn('connection dropped', {
        connection: this.name,
        user: this.user,
        state: this.state,
        reason: DROP_REASONS[reason],
      });
    }
    // It ends by our decision, which has been logged.
    if (this.state === 'running') this.state = 'closing';
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
    this.endIfSaid();
    this.acceptor.scheduleTurn();
  }
}
