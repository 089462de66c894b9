// Carries out what the memory watch decides: tells acceptors and shards, and the log. Main thread.
// Also works out the broker's budget from the configuration and the machine.
import { constrainedMemory } from 'node:process';
import { totalmem } from 'node:os';
import type { AcceptorNotice, MemoryAlarm } from '../acceptor/control-messages.ts';
import { createLogger, writeLogRecord } from '../base/logger.ts';
import { readableSize } from '../base/readable-size.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { ShardNotice } from '../../shards/mailbox/control-messages.ts';
import type { BrokerThread } from './broker-thread.ts';
import { type MemoryDecisions, MemoryWatch } from './memory-watch.ts';

type Told = Pick<BrokerThread<ShardNotice | AcceptorNotice>, 'send'>;

export function watchMemory(
  config: BrokerConfig,
  shards: readonly Told[],
  acceptors: readonly Told[],
): MemoryWatch {
  const log = createLogger('main', config.logLevel, writeLogRecord);
  const decisions: MemoryDecisions = {
    setAlarms: (alarms) => {
      const message = { kind: 'memory-alarms', alarms };
      for (const acceptor of acceptors) acceptor.send(message);
    },
    setSlowVhosts: (vhosts) => {
      const message = { kind: 'slow-vhosts', vhosts };
      for (const shard of shards) shard.send(message);
    },
    raised: (alarm) => {
      log.warn('memory alarm set: publishers are blocked', figuresOf(alarm, alarm.usedBytes));
    },
    cleared: (alarm, usedBytes) => {
      log.warn('memory alarm cleared: publishers go on', figuresOf(alarm, usedBytes));
    },
  };
  const budgets = { brokerBytes: watermarkBytes(config), vhostBytes: config.vhostBudgetBytes };
  return new MemoryWatch(budgets, decisions);
}

function figuresOf({ vhost, limitBytes }: MemoryAlarm, usedBytes: number) {
  const used = readableSize(usedBytes);
  const limit = readableSize(limitBytes);
  const key = vhost === undefined ? 'vm_memory_high_watermark' : 'memory.vhost_budget';
  return { vhost, used, limit, key };
}

/** The budget of the whole broker. */
function watermarkBytes(config: BrokerConfig): number {
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
