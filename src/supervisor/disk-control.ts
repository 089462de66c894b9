// Measures the free space where the data directory is, every second, and carries out what the disk
// watch decides: tells shards, whose dead segments are what can end an alarm, and by way of the
// alarm board acceptors and the log. Main thread.
import { type StatsFs, statfsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { ShardControl, ShardNotice } from '../../shards/mailbox/control-messages.ts';
import type { AlarmBoard } from './alarm-board.ts';
import type { BrokerThread } from './broker-thread.ts';
import { DiskWatch } from './disk-watch.ts';

const MEASURE_MILLIS = 1000;

/** Answers undefined where it cannot be found out. */
export type FreeSpace = (directory: string) => Promise<number | undefined>;

export class DiskControl {
  readonly watch: DiskWatch;
  private readonly directory: string;
  private readonly freeSpace: FreeSpace;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    config: Pick<BrokerConfig, 'dataDir' | 'diskFreeLimitBytes'>,
    shards: readonly Pick<BrokerThread<ShardNotice>, 'send'>[],
    board: Pick<AlarmBoard, 'setDisk' | 'raised' | 'cleared'>,
    freeSpace: FreeSpace = freeSpaceOf,
  ) {
    this.directory = config.dataDir;
    this.freeSpace = freeSpace;
    this.timer = undefined;
    this.watch = new DiskWatch(config.diskFreeLimitBytes, {
      setAlarm: (alarm) => {
        board.setDisk(alarm);
        const message: ShardControl = { kind: 'disk-alarm', isSet: alarm !== undefined };
        for (const shard of shards) shard.send(message);
      },
      raised: (alarm) => board.raised(alarm),
      cleared: (alarm) => board.cleared(alarm),
    });
  }

  /** Resolves after the first measurement. */
  async start(): Promise<void> {
    await this.measure();
    let isMeasuring = false;
    // A file system that has stopped answering is asked once, not every second.
    const again = async (): Promise<void> => {
      if (isMeasuring) return;
      isMeasuring = true;
      await this.measure();
      isMeasuring = false;
    };
    this.timer = setInterval(() => void again(), MEASURE_MILLIS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * A log cannot allocate more segments, or can again. With the figure of now: that of the last
   * measurement can be hundreds of MiB off. The log has just asked the same, so the file system
   * answers.
   */
  logIsShort(log: string, isShort: boolean): void {
    this.watch.freeBytes = freeSpaceNow(this.directory) ?? this.watch.freeBytes;
    this.watch.logIsShort(log, isShort);
  }

  /** Another limit, in force at once. */
  async setLimit(limitBytes: number): Promise<void> {
    this.watch.setLimit(limitBytes);
    await this.measure();
  }

  private async measure(): Promise<void> {
    this.watch.measured(await this.freeSpace(this.directory));
  }
}

/** What somebody without special rights may still write. */
const freeBytesOf = ({ bavail, bsize }: StatsFs): number => bavail * bsize;

/** Of the file system that the directory is on. */
export async function freeSpaceOf(directory: string): Promise<number | undefined> {
  try {
    return freeBytesOf(await statfs(directory));
  } catch {
    // No such call on this file system: then only the logs tell that the disk is full.
    return undefined;
  }
}

function freeSpaceNow(directory: string): number | undefined {
  try {
    return freeBytesOf(statfsSync(directory));
  } catch {
    return undefined;
  }
}
