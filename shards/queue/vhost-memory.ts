// What the queues of one virtual host hold on this shard, in bytes of messages. Shard thread, hot:
// plain numbers that queues add to. A message in k queues counts k times, like in the queues'
// own figures: a virtual host is charged for what each of its queues keeps.

/** Never reached: no limit. */
export const NO_LIMIT_BYTES = Number.POSITIVE_INFINITY;

export class VhostMemory {
  readonly vhost: string;
  /** Ready and unacked messages of all its queues here, deleted queues' unacked ones included. */
  bytes: number;
  queueCount: number;
  /** Queues that hold this much have their publishers slowed (flow-governor.ts). */
  slowFromBytes: number;
  /** What main was told last. */
  reportedBytes: number;

  constructor(vhost: string, slowFromBytes: number) {
    this.vhost = vhost;
    this.bytes = 0;
    this.queueCount = 0;
    this.slowFromBytes = slowFromBytes;
    this.reportedBytes = 0;
  }

  /** Nothing is left that could change its figures. */
  get isUnused(): boolean {
    return this.queueCount === 0 && this.bytes === 0;
  }
}
