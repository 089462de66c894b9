// Carries out what the memory watch decides: tells shards, and by way of the alarm board acceptors
// and the log. Main thread.
// Also works out the broker's budget from the configuration and the machine.
import { constrainedMemory } from 'node:process';
import { totalmem } from 'node:os';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { ShardNotice } from '../../shards/mailbox/control-messages.ts';
import type { AlarmBoard } from './alarm-board.ts';
import type { BrokerThread } from './broker-thread.ts';
import { type MemoryDecisions, MemoryWatch } from './memory-watch.ts';

type Told = Pick<BrokerThread<ShardNotice>, 'send'>;

export function watchMemory(
  config: BrokerConfig,
  shards: readonly Told[],
  board: AlarmBoard,
): MemoryWatch {
  const decisions: MemoryDecisions = {
    setAlarms: (alarms) => board.setMemory(alarms),
    setSlowVhosts: (vhosts) => {
      const message = { kind: 'slow-vhosts', vhosts };
      for (const shard of shards) shard.send(message);
    },
    raised: (alarm) => board.raised(alarm),
    cleared: (alarm, usedBytes) => board.cleared({ ...alarm, usedBytes }),
  };
  const budgets = { brokerBytes: watermarkBytes(config), vhostBytes: config.vhostBudgetBytes };
  return new MemoryWatch(budgets, decisions);
}

/** The budget of the whole broker. */
export function watermarkBytes(config: BrokerConfig): number {
  if (config.memoryWatermarkBytes !== undefined) return config.memoryWatermarkBytes;
  return Math.floor(memoryBytes(totalmem(), constrainedMemory()) * config.memoryWatermarkRelative);
}

/**
 * What the machine has, or the container's limit where that is lower. Without a limit Node says 0,
 * undefined or a number beyond any machine.
 */
export function memoryBytes(machineBytes: number, constrainedBytes: number | undefined): number {
  const hasLimit = constrainedBytes !== undefined && constrainedBytes > 0;
  return hasLimit ? Math.min(machineBytes, constrainedBytes) : machineBytes;
}
