// A channel's transaction (class tx, specification 1.9; RabbitMQ: docs/semantics): publishes and
// acks that wait for tx.commit. Acceptor thread, one per channel that sent tx.select.
//
//   keeping --tx.commit--> sending --all have gone--> confirming --all confirmed--> keeping
//
// Publishes are checked and routed when they come, and go out at the commit in their order; then
// the acks do. commit-ok is sent when every queue has confirmed, in the lane its durability asks
// for; the channel waits until then, so what the client sends meanwhile comes after the commit.
// While sending, a full ring or a queue's pace stalls the connection as it does any publisher's.
// Acked deliveries are out of the channel's window of unacked ones; a rollback puts them back.
import { transactionIncomplete, transactionTooLarge } from '../errors/transaction-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { ID_TX_COMMIT } from '../protocol/methods.generated.ts';
import type { Channel } from './channel.ts';
import { ChannelConfirms } from './channel-confirms.ts';
import { IS_GET } from './channel-prefetch.ts';
import { costOf, KeptPublish } from './kept-publish.ts';
import type { IncomingPublish } from './publisher.ts';
import type { Route } from './route.ts';
import type { TransactionSpace } from './transaction-space.ts';

/** An ack, nack or reject of one delivery. */
interface KeptAck {
  readonly deliveryTag: number;
  readonly shard: number;
  /** What the shard calls the delivery. */
  readonly number: number;
  /** The window's column c: IS_GET or 0. */
  readonly kind: number;
  readonly outcome: number;
}

export class ChannelTransaction {
  readonly confirms: ChannelConfirms;
  private readonly channel: Channel;
  private readonly space: TransactionSpace;
  private publishes: KeptPublish[];
  /** How many of `publishes` the commit has sent. */
  private sentCount: number;
  private bytes: number;
  private acks: KeptAck[];
  /** A full queue has refused one of the publishes. */
  private hasRefusal: boolean;
  private state: 'keeping' | 'sending' | 'confirming';

  constructor(channel: Channel) {
    this.channel = channel;
    this.space = channel.connection.acceptor.publisher.transactions;
    this.publishes = [];
    this.sentCount = 0;
    this.bytes = 0;
    this.acks = [];
    this.state = 'keeping';
    this.confirms = new ChannelConfirms({
      ack: () => this.confirmed(),
      nack: () => {
        this.hasRefusal = true;
        this.confirmed();
      },
    });
    this.hasRefusal = false;
  }

  get publishCount(): number {
    return this.publishes.length - this.sentCount;
  }

  get ackCount(): number {
    return this.acks.length;
  }

  /** A commit waits for room: `send` goes on. */
  get isSending(): boolean {
    return this.state === 'sending';
  }

  /** Keeps a publish. Throws 406 when the transaction would become too large. */
  keep(message: IncomingPublish, route: Route): void {
    const { transactionBytesMax } = this.channel.connection.acceptor.config;
    const cost = costOf(message);
    const room = Math.min(
      transactionBytesMax - this.bytes,
      this.space.bytesMax - this.space.usedBytes,
    );
    if (cost > room) {
      throw new AmqpError(transactionTooLarge(this.bytes, cost, transactionBytesMax));
    }
    const kept = new KeptPublish(message, route);
    this.publishes.push(kept);
    this.bytes += cost;
    this.space.take(cost, kept.isSlab);
  }

  /** Notes that the delivery just taken out of the channel's window is settled at the commit. */
  settle(outcome: number): void {
    const { key, a, b, c } = this.channel.unacked;
    this.acks.push({ deliveryTag: key, shard: a, number: b, kind: c, outcome });
  }

  /** Tells, for each consumer's delivery settled here, the shard that still counts it. */
  forEachAcked(tell: (shard: number) => void): void {
    for (const { kind, shard } of this.acks) if (kind !== IS_GET) tell(shard);
  }

  commit(): void {
    this.channel.wait();
    this.state = 'sending';
    this.send();
  }

  /** Goes on with the commit; false when the connection has stalled and this is called again. */
  send(): boolean {
    const { channel, publishes, space } = this;
    const { flow, acceptor } = channel.connection;
    while (this.sentCount < publishes.length) {
      const { message, route, costBytes, isSlab } = publishes[this.sentCount];
      if (!acceptor.publisher.publishKept(channel, message, route)) {
        flow.stallWith(channel);
        return false;
      }
      this.sentCount += 1;
      space.giveBack(costBytes, isSlab);
    }
    this.forgetPublishes();
    for (const { shard, number, kind, outcome } of this.acks.splice(0)) {
      channel.settled(shard, number, kind, outcome);
    }
    channel.regrant();
    this.state = 'confirming';
    this.confirmed();
    return true;
  }

  /** Drops the publishes; what was acked is unacked again. */
  rollback(): void {
    this.dropPublishes();
    this.channel.unacked.putBack(
      this.acks.splice(0).map(({ deliveryTag, shard, number, kind }) => {
        return { key: deliveryTag, a: shard, b: number, c: kind, d: 0 };
      }),
    );
  }

  /** The channel has ended: its shards put back what was acked and not committed. */
  abandon(): void {
    this.dropPublishes();
    this.acks = [];
  }

  private confirmed(): void {
    if (this.state !== 'confirming' || !this.confirms.isSettled) return;
    this.state = 'keeping';
    const { channel } = this;
    if (this.hasRefusal && channel.isOpen) {
      this.hasRefusal = false;
      channel.refuse(transactionIncomplete(), ID_TX_COMMIT);
    } else if (channel.isOpen) {
      channel.send({ name: 'tx.commit-ok' });
    }
    channel.resume();
  }

  private dropPublishes(): void {
    const { slab } = this.channel.connection.acceptor;
    for (const { message, costBytes, isSlab } of this.publishes.slice(this.sentCount)) {
      this.space.giveBack(costBytes, isSlab);
      if (isSlab) slab.release(message.slabPage);
    }
    this.forgetPublishes();
  }

  private forgetPublishes(): void {
    this.publishes = [];
    this.sentCount = 0;
    this.bytes = 0;
  }
}
