// Adds up what the threads say they hold and decides who may publish. Main thread, pure: no clock,
// no threads. Two kinds of budget: the broker's (vm_memory_high_watermark), of the memory that
// messages take in stores and slabs, and each virtual host's (memory.vhost_budget), of the messages
// in its queues. Queues' own budgets are their shard's business (shards/queue/flow-governor.ts).
//
//   0 ........ 72 % . 80 % ... 90 % ... 100 %
//                      slow -------------->      from 80 % on, until below 72 % (virtual hosts)
//                                alarm -->       from 100 % on, until below 90 %
import { REOPEN_SHARE, SLOW_END_SHARE, SLOW_SHARE } from '../../shards/mailbox/budget-shares.ts';
import type { VhostBytes } from '../../shards/mailbox/control-messages.ts';
import type { MemoryAlarm } from '../acceptor/control-messages.ts';

/** Less than any broker takes for itself. */
const BUDGET_BYTES_MIN = 1024 * 1024;

export interface MemoryBudgets {
  readonly brokerBytes: number;
  /** 0: none. */
  readonly vhostBytes: number;
}

/** What follows from a decision. */
export interface MemoryDecisions {
  /** All alarms that are in force now. */
  setAlarms(alarms: readonly MemoryAlarm[]): void;
  /** All virtual hosts whose large queues are to be slowed now. */
  setSlowVhosts(vhosts: readonly string[]): void;
  raised(alarm: MemoryAlarm): void;
  cleared(alarm: MemoryAlarm, usedBytes: number): void;
}

class VhostUse {
  usedBytes = 0;
  readonly byShard: number[] = [];
  isSlow = false;
  alarm: MemoryAlarm | undefined = undefined;
}

export class MemoryWatch {
  budgets: MemoryBudgets;
  private readonly decisions: MemoryDecisions;
  /** By shard and by acceptor. */
  private readonly storeBytes: number[];
  private readonly slabBytes: number[];
  private readonly vhosts: Map<string, VhostUse>;
  private brokerAlarm: MemoryAlarm | undefined;
  private isForced: boolean;

  constructor(budgets: MemoryBudgets, decisions: MemoryDecisions) {
    this.budgets = budgets;
    this.decisions = decisions;
    this.storeBytes = [];
    this.slabBytes = [];
    this.vhosts = new Map();
    this.brokerAlarm = undefined;
    this.isForced = false;
  }

  /** What counts against the broker's budget. */
  get usedBytes(): number {
    return sum(this.storeBytes) + sum(this.slabBytes);
  }

  get limitBytes(): number {
    return this.budgets.brokerBytes;
  }

  /** The alarms in force; the broker's has no virtual host. */
  get alarms(): readonly MemoryAlarm[] {
    const all = [this.brokerAlarm, ...[...this.vhosts.values()].map(({ alarm }) => alarm)];
    return all.filter((alarm) => alarm !== undefined);
  }

  /** A budget of nothing is used up before anybody has said anything. */
  start(): void {
    this.decideBroker();
  }

  /**
   * Another budget for the broker. RabbitMQ holds the whole process against it, so that operators
   * and tests block publishers with a tiny one: what no process fits into is no budget at all.
   */
  setBrokerBytes(bytes: number): void {
    const brokerBytes = bytes < BUDGET_BYTES_MIN ? 0 : Math.floor(bytes);
    this.budgets = { ...this.budgets, brokerBytes };
    this.decideBroker();
  }

  /** Sets the broker's alarm whatever is used, until it is unset. */
  force(isForced: boolean): void {
    this.isForced = isForced;
    this.decideBroker();
  }

  shardHolds(shard: number, storeBytes: number, vhosts: readonly VhostBytes[]): void {
    this.storeBytes[shard] = storeBytes;
    this.decideBroker();
    for (const { vhost, bytes } of vhosts) this.vhostHolds(shard, vhost, bytes);
  }

  slabHolds(acceptor: number, bytes: number): void {
    this.slabBytes[acceptor] = bytes;
    this.decideBroker();
  }

  private decideBroker(): void {
    const { usedBytes, brokerAlarm } = this;
    const limitBytes = this.isForced ? 0 : this.budgets.brokerBytes;
    const alarm = this.decide(undefined, usedBytes, limitBytes, brokerAlarm);
    if (alarm === brokerAlarm) return;
    this.brokerAlarm = alarm;
    this.decisions.setAlarms(this.alarms);
  }

  private vhostHolds(shard: number, vhost: string, bytes: number): void {
    const limitBytes = this.budgets.vhostBytes;
    if (limitBytes === 0) return;
    const use = this.vhosts.get(vhost) ?? new VhostUse();
    this.vhosts.set(vhost, use);
    use.byShard[shard] = bytes;
    use.usedBytes = sum(use.byShard);
    const wasSlow = use.isSlow;
    use.isSlow = use.usedBytes >= limitBytes * (wasSlow ? SLOW_END_SHARE : SLOW_SHARE);
    const before = use.alarm;
    use.alarm = this.decide(vhost, use.usedBytes, limitBytes, before);
    if (use.usedBytes === 0) this.vhosts.delete(vhost);
    if (use.isSlow !== wasSlow) {
      const slow = [...this.vhosts].filter(([, { isSlow }]) => isSlow);
      this.decisions.setSlowVhosts(slow.map(([name]) => name));
    }
    if (use.alarm !== before) this.decisions.setAlarms(this.alarms);
  }

  /** The alarm that is in force from now on, if any. */
  private decide(
    vhost: string | undefined,
    usedBytes: number,
    limitBytes: number,
    before: MemoryAlarm | undefined,
  ): MemoryAlarm | undefined {
    if (before !== undefined) {
      if (usedBytes >= limitBytes * REOPEN_SHARE) return before;
      this.decisions.cleared(before, usedBytes);
      return undefined;
    }
    if (usedBytes < limitBytes) return undefined;
    const alarm = { resource: 'memory', vhost, usedBytes, limitBytes } as const;
    this.decisions.raised(alarm);
    return alarm;
  }
}

function sum(figures: readonly number[]): number {
  // Slots of threads that have said nothing yet are skipped.
  return figures.reduce((total, figure) => total + figure, 0);
}
