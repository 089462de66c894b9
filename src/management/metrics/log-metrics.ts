// WarrenMQ's own metrics about the logs on disk, with the number of the shard as a label. Main
// thread, pure. A shard that keeps nothing on disk has no samples.
import type {
  LogReport,
  RecoveryReport,
  ShardReport,
} from '../../../shards/mailbox/control-messages.ts';
import type { MetricFamily, Sample } from './exposition.ts';

interface Measure<Report> {
  readonly name: string;
  readonly help: string;
  readonly type: MetricFamily['type'];
  readonly value: (report: Report) => number;
}

const MICROS_PER_SECOND = 1_000_000;

const LOG_MEASURES: readonly Measure<LogReport>[] = [
  {
    name: 'warrenmq_log_batches_total',
    help: 'Batches of records that were appended to the log',
    type: 'counter',
    value: (report) => report.batches,
  },
  {
    name: 'warrenmq_log_syncs_total',
    help: 'How often the log was forced to the disk',
    type: 'counter',
    value: (report) => report.syncs,
  },
  {
    name: 'warrenmq_log_sync_seconds_total',
    help: 'Time that forcing the log to the disk has taken',
    type: 'counter',
    value: (report) => report.syncMicros / MICROS_PER_SECOND,
  },
  {
    name: 'warrenmq_log_written_bytes_total',
    help: 'Bytes that were appended to the log',
    type: 'counter',
    value: (report) => report.bytesWritten,
  },
  {
    name: 'warrenmq_log_reads_total',
    help: 'Reads that brought messages back into memory',
    type: 'counter',
    value: (report) => report.reads,
  },
  {
    name: 'warrenmq_log_checkpoints_total',
    help: 'Checkpoints that were written',
    type: 'counter',
    value: (report) => report.checkpoints,
  },
  {
    name: 'warrenmq_log_lost_messages_total',
    help: 'Messages that could not be read from the log and are gone',
    type: 'counter',
    value: (report) => report.lost,
  },
  {
    name: 'warrenmq_log_messages',
    help: 'Messages that are in the log, in memory as well or not',
    type: 'gauge',
    value: (report) => report.messages,
  },
  {
    name: 'warrenmq_log_segments',
    help: 'Files of the log that hold anything',
    type: 'gauge',
    value: (report) => report.segments,
  },
  {
    name: 'warrenmq_log_disk_bytes',
    help: 'Size of the files of the log that hold anything',
    type: 'gauge',
    value: (report) => report.diskBytes,
  },
  {
    name: 'warrenmq_log_live_bytes',
    help: 'Bytes of the log that belong to messages still in queues',
    type: 'gauge',
    value: (report) => report.liveBytes,
  },
];

const RECOVERY_MEASURES: readonly Measure<RecoveryReport>[] = [
  {
    name: 'warrenmq_log_recovered_messages',
    help: 'Messages that the log held when the broker started',
    type: 'gauge',
    value: (report) => report.messages,
  },
  {
    name: 'warrenmq_log_corrupt_ranges',
    help: 'Places of the log that could not be read when the broker started',
    type: 'gauge',
    value: (report) => report.corruptRanges.length,
  },
];

export function logMetrics(
  shards: readonly ShardReport[],
  recoveries: readonly RecoveryReport[],
): MetricFamily[] {
  const logs = shards.map(({ log }) => log);
  return [
    ...LOG_MEASURES.flatMap((measure) => familyOf(measure, logs)),
    ...RECOVERY_MEASURES.flatMap((measure) => familyOf(measure, recoveries)),
  ];
}

/** Nothing when there is nothing to say of any shard. */
function familyOf<Report>(
  { name, help, type, value }: Measure<Report>,
  byShard: readonly (Report | undefined)[],
): MetricFamily[] {
  const samples: Sample[] = [];
  byShard.forEach((report, shard) => {
    if (report !== undefined) samples.push({ labels: { shard }, value: value(report) });
  });
  return samples.length === 0 ? [] : [{ name, help, type, samples }];
}
