// What shards say of their logs: recovery, messages that could not be read. Main thread. Becomes
// log lines; what was corrupt stays visible in the API until the next start.
import { createLogger, type Logger, writeLogRecord } from '../base/logger.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { RecoveryReport, ShardNotice } from '../../shards/mailbox/control-messages.ts';

type StorageNotice = Extract<
  ShardNotice,
  { kind: 'recovering' | 'recovered' | 'message-lost' | 'depot-damage' | 'depot-full' }
>;

export class StorageNews {
  /** By shard. */
  readonly recoveries: RecoveryReport[];
  private readonly log: Pick<Logger, 'info' | 'warn'>;

  constructor(config: BrokerConfig) {
    this.log = createLogger('main', config.logLevel, writeLogRecord);
    this.recoveries = [];
  }

  heard(shard: number, notice: StorageNotice): void {
    if (notice.kind === 'recovering') {
      const { segmentsDone, segments } = notice;
      this.log.info('recovering messages', { shard, segmentsDone, segments });
    } else if (notice.kind === 'recovered') {
      this.recovered(shard, notice.report);
    } else if (notice.kind === 'depot-damage') {
      const { queueId, range } = notice;
      this.log.warn('delayed messages are corrupt here: what could be read around is used', {
        shard,
        queueId,
        range,
      });
    } else if (notice.kind === 'depot-full') {
      const { queueId } = notice;
      this.log.warn('the disk has no room to sort delayed messages: they wait in memory', {
        shard,
        queueId,
      });
    } else {
      const { queueId, position } = notice;
      this.log.warn('a corrupt message could not be read and is gone', {
        shard,
        queueId,
        position,
      });
    }
  }

  private recovered(shard: number, report: RecoveryReport): void {
    this.recoveries[shard] = report;
    const { messages, segments, corruptRanges, isTorn, isClean } = report;
    for (const range of corruptRanges) {
      this.log.warn('the log is corrupt here: what could be read around it is used', {
        shard,
        range,
      });
    }
    if (segments === 0) return;
    this.log.info('messages recovered', { shard, messages, segments, isClean, isTorn });
  }
}
