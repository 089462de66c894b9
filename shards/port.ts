// Everything a shard shares with one acceptor: the rings in, the way out, the confirm counter, and
// the acceptor's connections and channels as far as this shard has been told of them. Shard thread.
import { ChannelUnacked } from './consumer/channel-unacked.ts';
import { ConnectionWindow } from './consumer/connection-window.ts';
import type { Consumer } from './consumer/consumer.ts';
import { ConfirmCounterWriter } from './mailbox/confirm-counter.ts';
import type { Mailbox } from './mailbox/control-messages.ts';
import { Outlet } from './outlet.ts';
import type { DoorbellRinger } from './ring/doorbell.ts';
import { RingConsumer } from './ring/ring-consumer.ts';
import { RingProducer } from './ring/ring-producer.ts';

export interface ParkedGet {
  readonly request: number;
  readonly getter: Consumer;
  /** The way out was full; otherwise the message is being loaded. */
  readonly wantsRoom: boolean;
}

export class Port {
  readonly acceptor: number;
  readonly work: RingConsumer;
  readonly acks: RingConsumer;
  readonly outlet: Outlet;
  readonly confirms: ConfirmCounterWriter;
  readonly doorbell: DoorbellRinger;
  /** By the acceptor's channel and connection numbers. */
  readonly channels: Map<number, ChannelUnacked>;
  readonly windows: Map<number, ConnectionWindow>;
  /** basic.get requests that could not be answered at once; each channel has at most one. */
  readonly parkedGets: ParkedGet[];
  /** Limits per connection, and per consumer. */
  private readonly windowBytes: number;
  private readonly consumerWindowBytes: number;

  constructor(
    acceptor: number,
    mailbox: Mailbox,
    doorbell: DoorbellRinger,
    windowBytes: number,
    consumerWindowBytes: number,
  ) {
    this.acceptor = acceptor;
    this.work = new RingConsumer(mailbox.workRing);
    this.acks = new RingConsumer(mailbox.ackRing);
    this.outlet = new Outlet(new RingProducer(mailbox.deliveryRing), doorbell);
    this.confirms = new ConfirmCounterWriter(mailbox.confirmCounter);
    this.doorbell = doorbell;
    this.channels = new Map();
    this.windows = new Map();
    this.parkedGets = [];
    this.windowBytes = windowBytes;
    this.consumerWindowBytes = consumerWindowBytes;
  }

  openChannel(
    id: number,
    connection: number,
    prefetch: number,
    number: number,
    frameMax: number,
  ): void {
    let window = this.windows.get(connection);
    if (window === undefined) {
      window = new ConnectionWindow(connection, this.windowBytes, this.consumerWindowBytes);
      this.windows.set(connection, window);
    }
    const { outlet } = this;
    const options = { id, number, frameMax, window, outlet, prefetch };
    this.channels.set(id, new ChannelUnacked(options));
  }

  /** Some get waits for room in the way out. */
  get hasGetThatWantsRoom(): boolean {
    return this.parkedGets.length > 0 && this.parkedGets.some(({ wantsRoom }) => wantsRoom);
  }

  /** Forgets the gets of a channel that closes while they wait: nobody would ever ack them. */
  dropGets(channel: ChannelUnacked): void {
    const others = this.parkedGets.filter(({ getter }) => getter.channel !== channel);
    this.parkedGets.splice(0, this.parkedGets.length, ...others);
  }

  /** Forgets a channel whose deliveries are all settled. */
  forgetChannel(channel: ChannelUnacked): void {
    this.channels.delete(channel.id);
  }

  /** The connection has ended and its channels were closed before. */
  forgetConnection(connection: number): void {
    this.windows.delete(connection);
  }
}
