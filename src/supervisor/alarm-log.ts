// The log lines about alarms. Main thread. A budget that is small for what goes through it is
// reached and left many times a second: then the first change is logged at once, and after that
// every few seconds how things stand and how often they have changed.
import type { ResourceAlarm } from '../acceptor/control-messages.ts';
import type { Logger } from '../base/logger.ts';
import { readableSize } from '../base/readable-size.ts';

const QUIET_MILLIS = 5000;

/** One resource whose last line was logged less than QUIET_MILLIS ago. */
interface Recent {
  /** What has changed since, if anything has. */
  unlogged: (() => void) | undefined;
  changes: number;
}

export class AlarmLog {
  private readonly log: Pick<Logger, 'warn'>;
  /** By resource and virtual host. */
  private readonly recent: Map<string, Recent>;

  constructor(log: Pick<Logger, 'warn'>) {
    this.log = log;
    this.recent = new Map();
  }

  /** `alarm` has the figures of now. */
  changed(alarm: ResourceAlarm, isSet: boolean): void {
    const recent = this.recent.get(nameOf(alarm));
    if (recent === undefined) {
      this.write(alarm, isSet, undefined);
      return;
    }
    recent.changes += 1;
    recent.unlogged = () => this.write(alarm, isSet, recent.changes);
  }

  private write(alarm: ResourceAlarm, isSet: boolean, changes: number | undefined): void {
    const what = isSet ? 'set: publishers are blocked' : 'cleared: publishers go on';
    this.log.warn(`${alarm.resource} alarm ${what}`, { ...figuresOf(alarm), changes });
    const name = nameOf(alarm);
    const recent: Recent = { unlogged: undefined, changes: 0 };
    this.recent.set(name, recent);
    setTimeout(() => {
      this.recent.delete(name);
      recent.unlogged?.();
    }, QUIET_MILLIS).unref();
  }
}

function nameOf({ resource, vhost }: ResourceAlarm): string {
  return vhost === undefined ? resource : `${resource} of ${vhost}`;
}

function figuresOf(alarm: ResourceAlarm): Readonly<Record<string, unknown>> {
  if (alarm.resource === 'disk') {
    const { freeBytes, limitBytes, shortLogs } = alarm;
    return {
      free: freeBytes === undefined ? undefined : readableSize(freeBytes),
      limit: readableSize(limitBytes),
      key: 'disk_free_limit.absolute',
      logsWithoutRoom: shortLogs.length === 0 ? undefined : shortLogs.join(', '),
    };
  }
  const { vhost, usedBytes, limitBytes } = alarm;
  return {
    vhost,
    used: readableSize(usedBytes),
    limit: readableSize(limitBytes),
    key: vhost === undefined ? 'vm_memory_high_watermark' : 'memory.vhost_budget',
  };
}
