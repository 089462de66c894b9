// What `warrenmq inspect` finds out, as plain data: what --json prints, and what the text is made
// of. Main thread, types only. Positions are named as people look them up: segment and offset.

export interface Place {
  readonly segment: number;
  readonly offset: number;
}

/** Offsets in a file. */
export interface CorruptRange {
  readonly from: number;
  readonly to: number;
}

export interface FileReport {
  readonly number: number;
  /** Relative to the directory that was named. */
  readonly file: string;
  readonly fileBytes: number;
  /** Of all records that check out. */
  readonly recordBytes: number;
  /** Records by kind; PACKED counts the messages inside of BLOCK records. */
  readonly records: Readonly<Record<string, number>>;
  readonly corrupt: readonly CorruptRange[];
  /** Why the file could not be read at all. */
  readonly problem?: string;
  /** The broker that runs on the directory has recycled it meanwhile. */
  readonly isGone?: boolean;
}

export interface SegmentReport extends FileReport {
  /** Where its records end. */
  readonly end: number;
  /** Where a write was cut off; nothing from there on was ever confirmed. */
  readonly tornAt?: number;
}

export interface CheckpointReport extends FileReport {
  /** Up to where it covers the log; absent when it is not all there. */
  readonly position?: Place;
  readonly isClean: boolean;
  readonly queues: number;
}

export interface LogReport {
  readonly name: string;
  readonly storeId: string;
  readonly epoch: number;
  readonly segmentBytes: number;
  readonly segments: readonly SegmentReport[];
  readonly checkpoints: readonly CheckpointReport[];
  readonly spareSegments: number;
  /** Files in `quarantine/`: what earlier starts found corrupt. */
  readonly quarantined: number;
  /** All files of the log. */
  readonly diskBytes: number;
  /** Whether the broker was stopped in order; absent where that is not recorded. */
  readonly isStoppedCleanly?: boolean;
  /** Behind its last record: what a stop in order had written there, and is not there any more. */
  readonly lost?: CorruptRange & { readonly file: string };
  readonly problem?: string;
}

/** A file of delayed messages, all due from `from` until before `to`. */
export interface DepotFileReport {
  /** Relative to the directory that was named. */
  readonly file: string;
  /** Unix milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly fileBytes: number;
  /** All that check out, and those of them that still wait with the bytes of their data. */
  readonly entries: number;
  readonly messages: number;
  readonly bytes: number;
  readonly firstDue?: number;
  readonly corrupt: readonly CorruptRange[];
  readonly problem?: string;
}

/** Delayed messages of one exchange that are not due soon. */
export interface DepotReport {
  readonly name: string;
  readonly queueId: number;
  /** Absent when the topology does not tell. */
  readonly queue?: string;
  readonly vhost?: string;
  /** The topology does not know the queue. */
  readonly isOrphan: boolean;
  readonly messages: number;
  readonly bytes: number;
  readonly firstDue?: number;
  readonly files: readonly DepotFileReport[];
  /** What a start removes: sources that have been copied, and copies that are not complete. */
  readonly deadFiles: readonly string[];
  /** What an earlier start could not read at all. */
  readonly asideFiles: readonly string[];
  readonly doneDamage: readonly CorruptRange[];
}

export interface TopologyReport {
  readonly vhosts: number;
  readonly queues: number;
  /** Besides those that every virtual host has. */
  readonly exchanges: number;
  readonly bindings: number;
  readonly parameters: number;
  /** Names only. */
  readonly users: readonly string[];
  /** What could not be read or does not fit. */
  readonly problems: readonly string[];
  readonly listing?: readonly VhostListing[];
}

export interface VhostListing {
  readonly name: string;
  readonly queues: readonly {
    readonly name: string;
    readonly id: number;
    readonly shard: number;
  }[];
  readonly exchanges: readonly { readonly name: string; readonly type: string }[];
  readonly bindings: readonly {
    readonly source: string;
    readonly destination: string;
    readonly destinationKind: string;
    readonly routingKey: string;
  }[];
  readonly users: readonly string[];
}

export interface QueueReport {
  /** Absent when the topology is not there to tell. */
  readonly name?: string;
  readonly vhost?: string;
  readonly id: number;
  readonly log: string;
  /** What a start of the broker would bring back. */
  readonly messages: number;
  /** Exchange, routing key, properties and body of these. */
  readonly bytes: number;
  /** Records of messages for this queue, those of acked ones and copies included. */
  readonly records: number;
  /** Sequence numbers of the oldest and the newest message. */
  readonly from?: number;
  readonly to?: number;
  readonly listed?: readonly MessageReport[];
}

export interface MessageReport extends Place {
  readonly number: number;
  /** Offset in the unpacked BLOCK at this place, when it lies in one. */
  readonly inner?: number;
  readonly bytes: number;
  readonly isPersistent: boolean;
  readonly deliveries: number;
}

/** One record of a segment that is listed. */
export interface RecordReport {
  readonly offset: number;
  readonly kind: string;
  readonly bytes: number;
  /** What it says, in words. */
  readonly text: string;
}

export interface SegmentListing {
  readonly file: string;
  readonly total: number;
  readonly records: readonly RecordReport[];
}

export interface Totals {
  readonly messages: number;
  /** Data of the live messages, each once however many queues hold it. */
  readonly liveBytes: number;
  /** Records on disk that nothing needs, or that only say so (acks). */
  readonly deadBytes: number;
  readonly diskBytes: number;
  /** diskBytes by liveBytes; absent without live messages. */
  readonly amplification?: number;
  readonly records: number;
  readonly files: number;
}

/** Something that is wrong, with its place. */
export interface Finding {
  readonly file: string;
  readonly from?: number;
  readonly to?: number;
  readonly text: string;
}

export interface InspectReport {
  readonly directory: string;
  readonly format?: number;
  /** The broker that runs on it. */
  readonly inUse?: { readonly pid: number; readonly since: string };
  readonly logs: readonly LogReport[];
  readonly topology?: TopologyReport;
  readonly queues: readonly QueueReport[];
  readonly depots: readonly DepotReport[];
  readonly listings: readonly SegmentListing[];
  readonly totals: Totals;
  readonly findings: readonly Finding[];
}
