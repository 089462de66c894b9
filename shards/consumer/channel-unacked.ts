// One client channel as one shard sees it: what was delivered on it from this shard's queues and
// not yet acked, its consumers here, and its limits. Shard thread.
//
// Deliveries are numbered from 1 per channel and shard; the acceptor maps the client's delivery
// tags to these numbers. Numbers travel as 32 bits and are widened against the newest one.
import { SlidingWindow } from '../../src/base/sliding-window.ts';
import type { Outlet } from '../outlet.ts';
import type { Queue } from '../queue/queue.ts';
import type { ConnectionWindow } from './connection-window.ts';
import type { Consumer } from './consumer.ts';
import { DeliveryAges } from './delivery-ages.ts';

const INITIAL_SLOTS = 16;
const NO_LIMIT = -1;

export interface ChannelOptions {
  readonly id: number;
  readonly number: number;
  readonly frameMax: number;
  readonly window: ConnectionWindow;
  readonly outlet: Outlet;
  readonly prefetch: number;
}

export class ChannelUnacked {
  readonly id: number;
  /** The client's channel number and the largest frame it takes, for framing deliveries. */
  readonly number: number;
  readonly frameMax: number;
  readonly window: ConnectionWindow;
  readonly outlet: Outlet;
  /** Columns: message handle, position in its queue, consumer index, delivery count. */
  readonly unacked: SlidingWindow;
  readonly consumers: Set<Consumer>;
  /** The stand-ins for basic.get, by queue. */
  readonly getters: Map<Queue, Consumer>;
  /** How long ago its deliveries were made (work/ack-timeouts.ts). */
  readonly ages: DeliveryAges;
  /** How many of the unacked were taken by basic.get, which no prefetch counts. */
  gotUnacked: number;
  /**
   * Unacked deliveries allowed over all consumers here (basic.qos with global=true), NO_LIMIT when
   * any number is. The acceptor moves it: see src/acceptor/channel-prefetch.ts.
   */
  prefetch: number;
  /** Consumers that wait for the channel's prefetch. */
  readonly blocked: Consumer[];

  constructor(options: ChannelOptions) {
    const { id, number, frameMax, window, outlet, prefetch } = options;
    this.id = id;
    this.number = number;
    this.frameMax = frameMax;
    this.window = window;
    this.outlet = outlet;
    this.unacked = new SlidingWindow(1, INITIAL_SLOTS);
    this.consumers = new Set();
    this.getters = new Map();
    this.ages = new DeliveryAges();
    this.gotUnacked = 0;
    this.prefetch = prefetch;
    this.blocked = [];
  }

  get isFull(): boolean {
    return this.prefetch !== NO_LIMIT && this.unacked.size - this.gotUnacked >= this.prefetch;
  }

  /** The full delivery number that the 32-bit one from the wire stands for. */
  widen(number: number): number {
    const end = this.unacked.end;
    return end + ((number - end) | 0);
  }
}
