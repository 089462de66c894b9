// Finds publishes that announced a large body, hold slab memory for it and send nothing more, while
// others wait for that memory. Acceptor thread, called by its sweep.
//
// Memory is granted for the whole announced body at its header: one that is under way can then
// always be finished, so publishers never wait for each other in a circle. The price is this
// watch.
import type { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';

interface Progress {
  receivedBytes: number;
  at: number;
}

export class StalledContents {
  private readonly slab: SlabAllocator;
  private readonly limitMillis: number;
  /** Channels that held slab memory at the last sweep, and when they last got anything. */
  private progress: Map<Channel, Progress>;

  constructor(slab: SlabAllocator, limitMillis: number) {
    this.slab = slab;
    this.limitMillis = limitMillis;
    this.progress = new Map();
  }

  /** The channels that have held memory for too long. Free of cost while nobody waits for any. */
  sweep(connections: Iterable<Connection>, now: number): Channel[] {
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
        if (now - progress.at >= this.limitMillis) stalled.push(channel);
      }
    }
    this.progress = seen;
    return stalled;
  }
}
