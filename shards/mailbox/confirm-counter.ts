// Publisher confirms cost no records: per (acceptor, shard) one shared counter says how many
// PUBLISH records of the work ring the shard has taken responsibility for, in ring order. The shard
// moves it once per batch, the acceptor turns its movement into basic.ack with multiple=true.

export function allocateConfirmCounter(): SharedArrayBuffer {
  return new SharedArrayBuffer(128);
}

/** Shard side. */
export class ConfirmCounterWriter {
  private readonly cells: Int32Array<SharedArrayBuffer>;
  private count: number;
  private publishedCount: number;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
    this.count = Atomics.load(this.cells, 0);
    this.publishedCount = this.count;
  }

  /** One more PUBLISH record is taken. */
  add(): void {
    this.count = (this.count + 1) | 0;
  }

  /** Shows the new count to the acceptor; true when it moved. */
  publish(): boolean {
    if (this.count === this.publishedCount) return false;
    this.publishedCount = this.count;
    Atomics.store(this.cells, 0, this.count);
    return true;
  }
}

/** Acceptor side. */
export class ConfirmCounterReader {
  private readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    this.cells = new Int32Array(memory);
  }

  /** Free-running count; compare by signed difference. */
  read(): number {
    return Atomics.load(this.cells, 0);
  }
}
