// All memory that the threads share, allocated once at start. Main thread.
// Nothing here grows later: what a full ring or slab means is in docs/flow-control.md.
import { availableParallelism, totalmem } from 'node:os';
import { allocateConfirmCounter } from '../../shards/mailbox/confirm-counter.ts';
import type { Mailbox } from '../../shards/mailbox/control-messages.ts';
import { allocateSlab, type SlabMemory } from '../../shards/mailbox/slab.ts';
import { allocateDoorbell } from '../../shards/ring/doorbell.ts';
import { allocateRing } from '../../shards/ring/ring-layout.ts';
import type { BrokerConfig } from '../config/broker-config.ts';

/** Acks, credit and releases are short: their ring needs less. */
const ACK_RING_DIVISOR = 4;
/** Large bodies may take this part of the machine's memory, over all acceptors. */
const SLAB_MEMORY_SHARE = 0.4;
const SLAB_BYTES_MAX = 4 * 1024 ** 3;
/** For large messages that come back from disk: the next ones of each queue. */
const SHARD_SLAB_BYTES = 256 * 1024 * 1024;
/** Even on a small machine several messages of the largest size fit. */
const SLAB_MESSAGES_MIN = 4;

export interface BrokerMemory {
  readonly shardDoorbells: readonly SharedArrayBuffer[];
  readonly acceptorDoorbells: readonly SharedArrayBuffer[];
  /** The acceptors', then the shards'. */
  readonly slabs: readonly SlabMemory[];
  /** By acceptor, then by shard. */
  readonly mailboxes: readonly (readonly Mailbox[])[];
  /** One Int32: open channels over all acceptors. */
  readonly channelCounter: SharedArrayBuffer;
}

export function allocateBrokerMemory(config: BrokerConfig): BrokerMemory {
  const { shards, acceptors, ringBytes } = config;
  const slabBytes = slabBytesOf(config);
  const shardSlabBytes = Math.max(config.messageBytesMax * SLAB_MESSAGES_MIN, SHARD_SLAB_BYTES);
  return {
    shardDoorbells: times(shards, allocateDoorbell),
    acceptorDoorbells: times(acceptors, allocateDoorbell),
    slabs: [
      ...times(acceptors, () => allocateSlab(slabBytes)),
      ...times(shards, () => allocateSlab(shardSlabBytes)),
    ],
    mailboxes: times(acceptors, () =>
      times(shards, () => ({
        workRing: allocateRing(ringBytes),
        ackRing: allocateRing(ringBytes / ACK_RING_DIVISOR),
        deliveryRing: allocateRing(ringBytes),
        confirmCounter: allocateConfirmCounter(),
      })),
    ),
    channelCounter: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
  };
}

/** Reserved address space: the kernel gives memory as pages are first written. */
function slabBytesOf(config: BrokerConfig): number {
  const share = (totalmem() * SLAB_MEMORY_SHARE) / config.acceptors;
  const least = config.messageBytesMax * SLAB_MESSAGES_MIN;
  return Math.max(least, Math.min(share, SLAB_BYTES_MAX));
}

/**
 * How long an idle thread looks around before it sleeps. With fewer processors than threads,
 * looking around only takes time from those that have work.
 */
export function spinMicrosOf(config: BrokerConfig): number {
  return availableParallelism() > config.shards + config.acceptors ? SPIN_MICROS : 0;
}

const SPIN_MICROS = 50;

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
