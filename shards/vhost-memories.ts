// The memory counters of all virtual hosts with queues on this shard, and telling main of them.
// Shard thread. Main is told at most every 50 ms and only what has changed; a check is due that
// long after the first turn that may have changed something, also when the shard then sleeps.
import { LARGE_QUEUE_SHARE, SLOW_SHARE } from './mailbox/budget-shares.ts';
import type { ShardNotice, ShardSettings } from './mailbox/control-messages.ts';
import { NO_LIMIT_BYTES, VhostMemory } from './queue/vhost-memory.ts';
import type { MessageStore } from './store/message-store.ts';

const NOTICE_MILLIS = 50;
/** What the store's index takes for each message. */
const INDEX_BYTES = 32;

type Budgets = Pick<ShardSettings, 'queueBudgetBytes' | 'vhostBudgetBytes'>;

export class VhostMemories {
  private readonly budgets: Budgets;
  private readonly byName: Map<string, VhostMemory>;
  private readonly slow: Set<string>;
  private timer: NodeJS.Timeout | undefined;
  private reportedStoreBytes: number;

  constructor(budgets: Budgets) {
    this.budgets = budgets;
    this.byName = new Map();
    this.slow = new Set();
    this.timer = undefined;
    this.reportedStoreBytes = 0;
  }

  /** The counter of a virtual host, for as long as anything of it is left here. */
  of(vhost: string): VhostMemory {
    let memory = this.byName.get(vhost);
    if (memory === undefined) {
      memory = new VhostMemory(vhost, this.slowFromBytes(vhost));
      this.byName.set(vhost, memory);
    }
    return memory;
  }

  /** Main says which virtual hosts are so full that their large queues are slowed. */
  setSlow(vhosts: readonly string[]): void {
    this.slow.clear();
    for (const vhost of vhosts) this.slow.add(vhost);
    for (const memory of this.byName.values()) {
      memory.slowFromBytes = this.slowFromBytes(memory.vhost);
    }
  }

  /** Messages may have come or gone: main hears of it soon. Call once per turn. */
  changed(store: MessageStore, notifyMain: (notice: ShardNotice) => void): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.report(store, notifyMain);
    }, NOTICE_MILLIS);
    // Figures are no reason to keep a thread that is asked to leave.
    this.timer.unref();
  }

  private report(store: MessageStore, notifyMain: (notice: ShardNotice) => void): void {
    const storeBytes = storeBytesOf(store);
    const vhosts = [];
    for (const memory of this.byName.values()) {
      const { vhost, bytes } = memory;
      if (bytes !== memory.reportedBytes) vhosts.push({ vhost, bytes });
      memory.reportedBytes = bytes;
      if (memory.isUnused) this.byName.delete(vhost);
    }
    // Without a budget nobody looks at the single virtual hosts.
    const told = this.budgets.vhostBudgetBytes > 0 ? vhosts : [];
    if (storeBytes === this.reportedStoreBytes && told.length === 0) return;
    this.reportedStoreBytes = storeBytes;
    notifyMain({ kind: 'memory', storeBytes, vhosts: told });
  }

  private slowFromBytes(vhost: string): number {
    const { queueBudgetBytes, vhostBudgetBytes } = this.budgets;
    const ofQueue = queueBudgetBytes > 0 ? queueBudgetBytes * SLOW_SHARE : NO_LIMIT_BYTES;
    if (!this.slow.has(vhost)) return ofQueue;
    return Math.min(ofQueue, vhostBudgetBytes * LARGE_QUEUE_SHARE);
  }
}

/**
 * Memory taken for messages. What an empty store keeps for reuse does not count: no consumer could
 * ever bring it down.
 */
function storeBytesOf(store: MessageStore): number {
  if (store.messageCount === 0) return 0;
  return store.arenaBytes + store.messageCount * INDEX_BYTES;
}
