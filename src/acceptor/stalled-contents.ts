// Finds publishes that announced a large body, hold slab memory for it and send nothing more, while
// others wait for that memory. Acceptor thread, called by its sweep.
//
// Memory is granted for the whole announced body at its header: one that is under way can then
// always be finished, so publishers never wait for each other in a circle. The price is this
// watch.
import { contentStalled } from '../errors/connection-refusals.ts';
import { ID_BASIC_PUBLISH } from '../protocol/methods.generated.ts';
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';

/** A large body may pause this long while others wait for memory. */
const STALL_MILLIS_MAX = 10_000;

interface Progress {
  receivedBytes: number;
  at: number;
}

export class StalledContents {
  private readonly slab: SlabAllocator;
  /** Channels that held slab memory at the last sweep, and when they last got anything. */
  private progress: Map<Channel, Progress>;

  constructor(slab: SlabAllocator) {
    this.slab = slab;
    this.progress = new Map();
  }

  /** Closes the connections of those that have held memory for too long. */
  refuse(connections: Iterable<Connection>, now: number): void {
    for (const channel of this.sweep(connections, now)) {
      const { received, announced } = channel.assembly;
      const seconds = STALL_MILLIS_MAX / 1000;
      const refusal = contentStalled(channel.number, received, announced, seconds);
      channel.connection.refuse(refusal, undefined, ID_BASIC_PUBLISH);
    }
  }

  /** The channels that have held memory for too long. Free of cost while nobody waits for any. */
  private sweep(connections: Iterable<Connection>, now: number): Channel[] {
    if (!this.slab.wasFull) {
      this.progress.clear();
      return [];
    }
    this.slab.wasFull = false;
    const seen = new Map<Channel, Progress>();
    const stalled: Channel[] = [];
    for (const connection of connections) {
      // What we do not read cannot go on.
      if (connection.flow.isStalled) continue;
      for (const channel of connection.channels.receivingLarge()) {
        const { received } = channel.assembly;
        let progress = this.progress.get(channel);
        if (progress?.receivedBytes !== received) progress = { receivedBytes: received, at: now };
        seen.set(channel, progress);
        if (now - progress.at >= STALL_MILLIS_MAX) stalled.push(channel);
      }
    }
    this.progress = seen;
    return stalled;
  }
}
