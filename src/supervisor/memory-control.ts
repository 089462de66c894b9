// Carries out what the memory watch decides: tells acceptors and shards, and the log. Main thread.
// Also works out the broker's budget from the configuration and the machine.
import { constrainedMemory } from 'node:process';
import { totalmem } from 'node:os';
import type { AcceptorNotice } from '../acceptor/control-messages.ts';
import { createLogger, writeLogRecord } from '../base/logger.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { ShardNotice } from '../../shards/mailbox/control-messages.ts';
import { AlarmLog } from './alarm-log.ts';
import type { BrokerThread } from './broker-thread.ts';
import { type MemoryDecisions, MemoryWatch } from './memory-watch.ts';

type Told = Pick<BrokerThread<ShardNotice | AcceptorNotice>, 'send'>;

export function watchMemory(
  config: BrokerConfig,
  shards: readonly Told[],
  acceptors: readonly Told[],
): MemoryWatch {
  const log = new AlarmLog(createLogger('main', config.logLevel, writeLogRecord));
  const decisions: MemoryDecisions = {
    setAlarms: (alarms) => {
      const message = { kind: 'memory-alarms', alarms };
      for (const acceptor of acceptors) acceptor.send(message);
    },
    setSlowVhosts: (vhosts) => {
      const message = { kind: 'slow-vhosts', vhosts };
      for (const shard of shards) shard.send(message);
    },
    raised: (alarm) => log.changed(alarm, true, alarm.usedBytes),
    cleared: (alarm, usedBytes) => log.changed(alarm, false, usedBytes),
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
