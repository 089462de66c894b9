// Decides from the free space of the data directory's disk, and from what the logs say, whether
// publishers may go on. Main thread, pure: no clock, no files (disk-control.ts). As with RabbitMQ
// the alarm is set when less is free than disk_free_limit (docs/disk-alarms); ours is set as well
// when a log cannot allocate its next segment, however much seems to be free (a quota, a limit of
// 0). It is cleared with a tenth more free than the limit (at most 64 MiB more), when every log has
// room.
import type { DiskAlarm } from '../acceptor/control-messages.ts';

/** What must be free above the limit for the alarm to be cleared: a share of it, up to so much. */
const CLEAR_SHARE = 0.1;
const CLEAR_BYTES_MAX = 64 * 1024 * 1024;

/** What follows from a decision. */
export interface DiskDecisions {
  /** The alarm that is in force now; said again when its reason changes. */
  setAlarm(alarm: DiskAlarm | undefined): void;
  raised(alarm: DiskAlarm): void;
  /** With the figures of now. */
  cleared(alarm: DiskAlarm): void;
}

export class DiskWatch {
  limitBytes: number;
  /** Undefined: not known yet, or the system does not tell. */
  freeBytes: number | undefined;
  alarm: DiskAlarm | undefined;
  private readonly decisions: DiskDecisions;
  private readonly shortLogs: Set<string>;
  private isFreeLow: boolean;
  private isForced: boolean;

  /** `limitBytes`: 0 = none. */
  constructor(limitBytes: number, decisions: DiskDecisions) {
    this.limitBytes = limitBytes;
    this.decisions = decisions;
    this.freeBytes = undefined;
    this.alarm = undefined;
    this.shortLogs = new Set();
    this.isFreeLow = false;
    this.isForced = false;
  }

  /** Another limit; what it means is decided with the next measurement. */
  setLimit(limitBytes: number): void {
    this.limitBytes = limitBytes;
    if (limitBytes === 0) this.isFreeLow = false;
  }

  /** Sets the alarm whatever is free, until it is unset. */
  force(isForced: boolean): void {
    this.isForced = isForced;
    this.decide();
  }

  /** Undefined: it could not be found out; what was decided by it stands. */
  measured(freeBytes: number | undefined): void {
    this.freeBytes = freeBytes;
    if (freeBytes !== undefined && this.limitBytes > 0) {
      const more = Math.min(this.limitBytes * CLEAR_SHARE, CLEAR_BYTES_MAX);
      this.isFreeLow = freeBytes < this.limitBytes + (this.alarm === undefined ? 0 : more);
    }
    this.decide();
  }

  /** A log cannot allocate more segments, or can again. */
  logIsShort(log: string, isShort: boolean): void {
    if (isShort) this.shortLogs.add(log);
    else this.shortLogs.delete(log);
    this.decide();
  }

  private decide(): void {
    const { alarm: before, freeBytes, limitBytes } = this;
    const shortLogs = [...this.shortLogs];
    const now = { resource: 'disk', vhost: undefined, freeBytes, limitBytes, shortLogs } as const;
    if (this.isFreeLow || this.isForced || shortLogs.length > 0) {
      const wasFreeLow = (before?.freeBytes ?? limitBytes) < limitBytes;
      const isNews =
        before?.shortLogs.join() !== shortLogs.join() || (this.isFreeLow && !wasFreeLow);
      if (!isNews) return;
      this.alarm = now;
      if (before === undefined) this.decisions.raised(now);
    } else {
      if (before === undefined) return;
      this.alarm = undefined;
      this.decisions.cleared(now);
    }
    this.decisions.setAlarm(this.alarm);
  }
}
