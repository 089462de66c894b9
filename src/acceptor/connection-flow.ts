// When a connection's input is taken, and when it waits. Acceptor thread, one per connection.
//
// Stalled: something the client sent cannot be taken now (a ring is full, a queue's publishers are
// paced, a backlog or the output is full, an answer from main is awaited). The socket is not read
// until it can; nothing is lost, and deliveries to this client go on.
//
// Blocked: stalled because of a publish that memory has no room for, and the client has been told
// so if it wants to know (connection.blocked; https://www.rabbitmq.com/docs/connection-blocked). It
// is tried again when the block is over, and is then told that it may go on.
//
// A stalled connection is tried again every turn, in this order: the publish that found no room,
// the frames that wait behind channels' answers, the bytes that were held.
import { AmqpError, cutToShortString } from '../errors/refusal.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { PublishBlock } from './publish-block.ts';

/** Specification 1.2: the sender sent a malformed frame. */
const FRAME_ERROR = 501;
/** Of connections where no frame ever had to wait; stays empty. */
const NO_CHANNELS = new Set<Channel>();

export class ConnectionFlow {
  isStalled: boolean;
  private readonly connection: Connection;
  /** An answer from main is awaited (login, opening); nothing more is read meanwhile. */
  private isWaiting: boolean;
  /** Channels with frames that wait although the channel itself no longer does. */
  private delayed: Set<Channel>;
  /** The channel whose assembled publish, or transaction, found no room. */
  private heldPublisher: Channel | undefined;
  private onQuiet: (() => void) | undefined;
  /** Why the publish that is held may not go on. */
  private blockedBy: PublishBlock | undefined;
  /** The client counts as blocked, and was told so if it wants to know. */
  private isToldBlocked: boolean;

  constructor(connection: Connection) {
    this.isStalled = false;
    this.connection = connection;
    this.isWaiting = false;
    this.delayed = NO_CHANNELS;
    this.heldPublisher = undefined;
    this.onQuiet = undefined;
    this.blockedBy = undefined;
    this.isToldBlocked = false;
  }

  /** Nothing more is taken from this client until `retry` succeeds. */
  stall(): void {
    const { connection } = this;
    if (this.isStalled || !connection.isUsable) return;
    this.isStalled = true;
    connection.acceptor.stalled.add(connection);
    connection.socket.pause();
  }

  /** As `stall`; what the channel publishes is the first thing to be tried again. */
  stallWith(channel: Channel): void {
    this.heldPublisher = channel;
    this.stall();
  }

  /** A publish has to wait for memory; the caller stalls the connection. */
  block(block: PublishBlock): void {
    const { connection } = this;
    this.blockedBy = block;
    if (this.isToldBlocked || connection.state !== 'running') return;
    this.isToldBlocked = true;
    if (!connection.hasCapability('connection.blocked')) return;
    const reason = cutToShortString(block.reasonFor(connection));
    connection.send(0, { name: 'connection.blocked', reason });
  }

  /** Waits for memory: trying again is in vain for now. */
  get isBlocked(): boolean {
    return this.isStalled && this.blockedBy?.isInForce === true;
  }

  /** Takes nothing more from the client until `run` is done. */
  whileWaiting(run: () => Promise<void>): void {
    this.isWaiting = true;
    this.stall();
    void run().then(() => {
      this.isWaiting = false;
      this.connection.acceptor.scheduleTurn();
    });
  }

  /** A publish waits until the connection is back within its rate: there is no point in trying. */
  private get isOverRate(): boolean {
    const { allowance, state } = this.connection;
    return allowance?.isUsedUp === true && state === 'running' && !allowance.mayPublish();
  }

  /**
   * Tries to go on; called every turn while stalled. `isForced`: even if memory is still short, for
   * what is held may go elsewhere by now.
   */
  retry(isForced: boolean): void {
    const { connection } = this;
    if (this.isWaiting || connection.isOverfull || this.isOverRate) return;
    // A close that we have begun waits for nothing; one of the client's comes after its publishes.
    const isLeaving = connection.state !== 'running' && this.onQuiet === undefined;
    if (this.isBlocked && !isForced && !isLeaving) return;
    this.isStalled = false;
    this.blockedBy = undefined;
    connection.acceptor.stalled.delete(connection);
    this.guard(() => this.goOn());
    this.tellUnblocked();
    this.checkQuiet();
    if (!this.isStalled && connection.isUsable) connection.socket.resume();
  }

  /** Runs code that handles input; refusals that reach this far close the connection. */
  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.connection.input.discard();
      this.connection.refuse(error.refusal, undefined, 0);
      // Where the next frame begins is no longer known: nothing more the client says is understood.
      if (error.refusal.code === FRAME_ERROR) this.connection.finish();
    }
  }

  /** Calls `onQuiet` when no channel waits for an answer or has frames waiting behind one. */
  whenQuiet(onQuiet: () => void): void {
    this.onQuiet = onQuiet;
    this.checkQuiet();
  }

  /** A channel has its answer: handles the frames that waited behind it. */
  channelResumed(channel: Channel): void {
    this.drainBacklog(channel);
    this.checkQuiet();
  }

  private checkQuiet(): void {
    const { onQuiet } = this;
    if (onQuiet === undefined || this.heldPublisher !== undefined) return;
    if (this.connection.channels.someBusy) return;
    this.onQuiet = undefined;
    onQuiet();
  }

  private tellUnblocked(): void {
    const { connection } = this;
    if (!this.isToldBlocked || this.blockedBy !== undefined) return;
    this.isToldBlocked = false;
    if (connection.state !== 'running' || !connection.hasCapability('connection.blocked')) return;
    connection.send(0, { name: 'connection.unblocked' });
  }

  forget(channel: Channel): void {
    this.delayed.delete(channel);
  }

  /** The connection is closed: there is nothing to try again. */
  end(): void {
    this.isStalled = false;
    this.connection.acceptor.stalled.delete(this.connection);
  }

  private goOn(): void {
    const held = this.heldPublisher;
    if (held !== undefined) {
      this.heldPublisher = undefined;
      if (held.isOpen && !held.retryPublish()) return;
    }
    for (const channel of [...this.delayed]) this.drainBacklog(channel);
    if (this.connection.channels.someBacklogFull) this.stall();
    if (!this.isStalled) this.connection.input.resume();
  }

  private delay(channel: Channel): void {
    if (this.delayed === NO_CHANNELS) this.delayed = new Set();
    this.delayed.add(channel);
  }

  private drainBacklog(channel: Channel): void {
    const { backlog } = channel;
    this.delayed.delete(channel);
    while (!backlog.isEmpty && !channel.isWaiting && channel.isOpen) {
      if (this.isStalled && this.heldPublisher !== undefined) {
        this.delay(channel);
        return;
      }
      const frame = backlog.take();
      this.guard(() => {
        if (!this.connection.channels.replay(channel, frame)) {
          backlog.putBack(frame);
          this.delay(channel);
        }
      });
      if (this.delayed.has(channel)) return;
    }
  }
}
