// Appends facts to a log and says when they are durable. Main thread. It decides where each record
// lies, as users of a log do (src/log/log.ts), and knows which segments hold what is still needed.
// Once the log has ended or failed nothing is written any more, and nobody is answered.
import * as log from '../../log/log.ts';
import { placeRecord, RecordWriter } from '../../log/record-writer.ts';
import type { Fact } from './fact.ts';
import { encodeFact } from './fact-codec.ts';

const CHANGE_HEADER_BYTES = 24;
/** A snapshot goes out in portions of about this size. */
const BATCH_BYTES = 256 * 1024;
/** A log that is smaller is not worth a snapshot. */
const SNAPSHOT_AFTER_BYTES_MIN = 1024 * 1024;
/** Log since the last snapshot, in sizes of that snapshot. */
const SNAPSHOT_AFTER_SIZES = 2;

/** What is needed of a log here. */
export type FactTarget = Pick<log.Log, 'submit' | 'recycle'>;

interface Waiting {
  readonly batch: number;
  readonly done: () => void;
}

export class FactWriter {
  private readonly target: FactTarget;
  private readonly segmentBytes: number;
  /** Those with anything in them, oldest first. */
  private readonly segments: number[];
  /** Where the last record ends. */
  private position: number;
  private batch: number;
  private readonly waiting: Waiting[];
  /** Records for the next batch, and where the first of them lies. */
  private readonly gathered: RecordWriter;
  private firstPosition: number;
  private snapshotBytes: number;
  private bytesSince: number;
  private hasEnded: boolean;

  /** `position` is where the next record goes, `segments` are those before it. */
  constructor(
    target: FactTarget,
    segmentBytes: number,
    segments: readonly number[],
    position: number,
  ) {
    this.target = target;
    this.segmentBytes = segmentBytes;
    this.segments = [...segments, Math.floor(position / segmentBytes)];
    this.position = position;
    this.batch = 0;
    this.waiting = [];
    this.gathered = new RecordWriter(BATCH_BYTES);
    this.firstPosition = 0;
    this.snapshotBytes = 0;
    this.bytesSince = 0;
    this.hasEnded = false;
  }

  /** So much was written since the last snapshot that a new one saves reading. */
  get isSnapshotDue(): boolean {
    const bytesMax = Math.max(SNAPSHOT_AFTER_BYTES_MIN, SNAPSHOT_AFTER_SIZES * this.snapshotBytes);
    return this.bytesSince > bytesMax;
  }

  /** Resolves when the facts are durable: soon when anybody waits for it, else within 100 ms. */
  append(facts: readonly Fact[], isAwaited: boolean): Promise<void> {
    for (const fact of facts) this.bytesSince += this.gather(encodeFact(fact), 0);
    return this.submit(isAwaited);
  }

  /** Writes all facts there are; resolves when they are durable and what was before is gone. */
  async snapshot(facts: readonly Fact[]): Promise<void> {
    const snapshot = this.position;
    let firstSegment = 0;
    let bytes = 0;
    let portion = 0;
    facts.forEach((fact, index) => {
      const isLast = index === facts.length - 1;
      const mark = isLast ? { snapshot, records: facts.length } : { snapshot };
      const flags = (index === 0 ? log.SNAPSHOT_BEGIN : 0) | (isLast ? log.SNAPSHOT_END : 0);
      const recordBytes = this.gather(encodeFact(fact, mark), flags);
      if (index === 0) firstSegment = this.segments.at(-1)!;
      bytes += recordBytes;
      portion += recordBytes;
      if (portion < BATCH_BYTES || isLast) return;
      void this.submit(false);
      portion = 0;
    });
    this.snapshotBytes = bytes;
    this.bytesSince = 0;
    await this.submit(true);
    while (!this.hasEnded && this.segments[0] < firstSegment) {
      this.target.recycle(this.segments.shift()!);
    }
  }

  /** The log says that it has synced this batch and all before it. */
  synced(batch: number): void {
    while (this.waiting.length > 0 && this.waiting[0].batch <= batch) this.waiting.shift()!.done();
  }

  end(): void {
    this.hasEnded = true;
  }

  /**
   * Puts a fact into the next batch, twice: a damaged record then costs nothing, where a lost queue
   * or user would cost much (fact-scan.ts drops the copy). Answers how many bytes of the log it
   * takes.
   */
  private gather(payload: Buffer, flags: number): number {
    return this.gatherOnce(payload, flags) + this.gatherOnce(payload, flags);
  }

  private gatherOnce(payload: Buffer, flags: number): number {
    const { gathered } = this;
    const isFirst = gathered.used === 0;
    const at = gathered.begin(log.CHANGE, flags, 0, CHANGE_HEADER_BYTES + payload.length);
    gathered.word(payload.length);
    gathered.word(0);
    gathered.put(payload);
    const bytes = gathered.used - at;
    const place = placeRecord(this.position, bytes, this.segmentBytes);
    if (isFirst) this.firstPosition = place;
    this.position = place + bytes;
    const segment = Math.floor(place / this.segmentBytes);
    if (segment !== this.segments.at(-1)) this.segments.push(segment);
    return bytes;
  }

  private submit(isAwaited: boolean): Promise<void> {
    if (this.hasEnded) return new Promise(() => {});
    // The log keeps what it is given until it is written.
    const bytes = Buffer.from(this.gathered.bytes.subarray(0, this.gathered.used));
    this.gathered.clear();
    this.batch += 1;
    const number = this.batch;
    const durable = new Promise<void>((done) => {
      this.waiting.push({ batch: number, done });
    });
    this.target.submit({
      number,
      bytes,
      parts: Float64Array.of(0, 0, bytes.length),
      partCount: 1,
      firstPosition: this.firstPosition,
      endPosition: this.position,
      sync: isAwaited,
    });
    return durable;
  }
}
