// What each shard thread is given at start: its settings, where it keeps what is on disk, and the
// memory that it shares with acceptors. Main thread.
import type { BrokerConfig } from '../config/broker-config.ts';
import type { LogBoot, ShardBoot } from '../../shards/mailbox/control-messages.ts';
import { inlineBytesMaxOf } from '../../shards/mailbox/to-shard-layout.ts';
import { recordBytesMax } from '../../shards/ring/ring-layout.ts';
import { type BrokerMemory, spinMicrosOf } from './broker-memory.ts';
import { watermarkBytes } from './memory-control.ts';
import { depotDirectory } from './orphan-depots.ts';
import { logDirectory } from './orphan-logs.ts';

/** Segments of a log kept ready: room for what is on its way when the disk is full. */
const SPARE_SEGMENTS = 2;
/** Environment variable of the tests that break disks (src/log/log.ts). */
const FAULTS = 'WARRENMQ_TEST_FAULTS';
/** Environment variable of the tests that cannot wait: short periods (shards/depot/periods.ts). */
const DEPOT_SHIFT = 'WARRENMQ_TEST_DEPOT_SHIFT';

export function shardBoot(config: BrokerConfig, memory: BrokerMemory, shard: number): ShardBoot {
  return {
    settings: {
      shard,
      connectionWindowBytes: config.connectionWindowBytes,
      consumerWindowBytes: config.consumerWindowBytes,
      consumerTimeoutMillis: config.consumerTimeoutMillis,
      flowBacklogMessages: config.flowBacklogMessages,
      flowPublishRateFloor: config.flowPublishRateFloor,
      queueBudgetBytes: config.queueBudgetBytes,
      vhostBudgetBytes: config.vhostBudgetBytes,
      spinMicros: spinMicrosOf(config),
    },
    log: logBoot(config, memory, shard),
    doorbell: memory.shardDoorbells[shard],
    mailboxes: memory.mailboxes.map((byShard) => byShard[shard]),
    acceptorDoorbells: memory.acceptorDoorbells,
  };
}

function logBoot(config: BrokerConfig, memory: BrokerMemory, shard: number): LogBoot {
  const { inlineBodyBytesMax, messageBytesMax, ringBytes } = config;
  const paging = watermarkBytes(config) * config.memoryPagingRatio;
  return {
    directory: logDirectory(config.dataDir, shard),
    backend: config.storageBackend,
    segmentBytes: config.segmentBytes,
    spareSegments: SPARE_SEGMENTS,
    reserveBytes: config.diskFreeLimitBytes,
    durability: config.durability,
    residentBytesMax: paging / config.shards,
    inlineBytesMax: inlineBytesMaxOf(
      inlineBodyBytesMax,
      messageBytesMax,
      recordBytesMax(ringBytes),
    ),
    slabs: memory.slabs,
    slabOwner: config.acceptors + shard,
    faults: process.env[FAULTS],
    depotDirectory: depotDirectory(config.dataDir),
    depotShift: Number(process.env[DEPOT_SHIFT]) || undefined,
  };
}
