// The log lines about memory alarms. Main thread. A budget that is small for what goes through it
// is reached and left many times a second: then the first change is logged at once, and after that
// every few seconds how things stand and how often they have changed.
import type { MemoryAlarm } from '../acceptor/control-messages.ts';
import type { Logger } from '../base/logger.ts';
import { readableSize } from '../base/readable-size.ts';

const QUIET_MILLIS = 5000;

/** One budget whose last line was logged less than QUIET_MILLIS ago. */
interface Recent {
  /** What has changed since, if anything has. */
  unlogged: (() => void) | undefined;
  changes: number;
}

export class AlarmLog {
  private readonly log: Pick<Logger, 'warn'>;
  /** By virtual host; the broker's own is undefined. */
  private readonly recent: Map<string | undefined, Recent>;

  constructor(log: Pick<Logger, 'warn'>) {
    this.log = log;
    this.recent = new Map();
  }

  changed(alarm: MemoryAlarm, isSet: boolean, usedBytes: number): void {
    const { vhost } = alarm;
    const recent = this.recent.get(vhost);
    if (recent === undefined) {
      this.write(alarm, isSet, usedBytes, undefined);
      return;
    }
    recent.changes += 1;
    recent.unlogged = () => this.write(alarm, isSet, usedBytes, recent.changes);
  }

  private write(
    { vhost, limitBytes }: MemoryAlarm,
    isSet: boolean,
    usedBytes: number,
    changes: number | undefined,
  ): void {
    const what = isSet ? 'set: publishers are blocked' : 'cleared: publishers go on';
    this.log.warn(`memory alarm ${what}`, {
      vhost,
      used: readableSize(usedBytes),
      limit: readableSize(limitBytes),
      key: vhost === undefined ? 'vm_memory_high_watermark' : 'memory.vhost_budget',
      changes,
    });
    const recent: Recent = { unlogged: undefined, changes: 0 };
    this.recent.set(vhost, recent);
    setTimeout(() => {
      this.recent.delete(vhost);
      recent.unlogged?.();
    }, QUIET_MILLIS).unref();
  }
}
