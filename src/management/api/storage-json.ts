// What the management API says of a shard's log, and of what came of reading it when the broker
// started. Main thread, pure. Undefined (left out of the answer) where nothing is kept on disk.
import type { LogReport, RecoveryReport } from '../../../shards/mailbox/control-messages.ts';

export function logJson(report: LogReport | undefined): object | undefined {
  if (report === undefined) return undefined;
  return {
    batches: report.batches,
    syncs: report.syncs,
    sync_micros: report.syncMicros,
    bytes_written: report.bytesWritten,
    reads: report.reads,
    checkpoints: report.checkpoints,
    segments: report.segments,
    disk_bytes: report.diskBytes,
    live_bytes: report.liveBytes,
    messages: report.messages,
    messages_lost: report.lost,
  };
}

export function recoveryJson(report: RecoveryReport | undefined): object | undefined {
  if (report === undefined) return undefined;
  return {
    backend: report.logKind,
    messages: report.messages,
    segments: report.segments,
    clean: report.isClean,
    torn: report.isTorn,
    corrupt_ranges: report.corruptRanges,
  };
}
