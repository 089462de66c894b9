// Writes checkpoints: a new file beside the last one, durable before an older one goes (docs/
// log-format.md, "Files of a log directory"). Main and shard threads. One write at a time.
import { SEGMENT_HEADER_BYTES } from '../log.ts';
import { CHECKPOINT_BASE, isRecordBytes, type RecordSeal } from '../record-format.ts';
import { CHECKPOINT_MAGIC, checkpointName, encodeHeader } from '../segment-header.ts';
import type { Disk } from './disk.ts';
import type { LogIdentity } from './segment-files.ts';

/** While it is written; a crash may leave it behind. */
const UNFINISHED_NAME = 'checkpoint.new';
const KEPT = 2;

export class Checkpoints {
  readonly #disk: Disk;
  readonly #identity: LogIdentity;
  readonly #seal: RecordSeal;
  /** Ascending. */
  readonly #numbers: number[];
  #last: Promise<void> = Promise.resolve();

  constructor(disk: Disk, identity: LogIdentity, seal: RecordSeal, numbers: readonly number[]) {
    this.#disk = disk;
    this.#identity = identity;
    this.#seal = seal;
    this.#numbers = [...numbers];
  }

  /** Writes records that are encoded but not sealed. */
  async write(records: Uint8Array): Promise<void> {
    const before = this.#last;
    const written = (async () => {
      await before;
      await this.#write(records);
    })();
    this.#last = written.catch(() => undefined);
    await written;
  }

  /** Resolves when nothing is being written. */
  async close(): Promise<void> {
    await this.#last;
  }

  async #write(records: Uint8Array): Promise<void> {
    const number = (this.#numbers.at(-1) ?? 0) + 1;
    const bytes = this.#sealed(number, records);
    const file = await this.#disk.open(UNFINISHED_NAME, 'create');
    try {
      await file.write(bytes, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.rename(UNFINISHED_NAME, checkpointName(number));
    await this.#disk.syncDirectory();
    this.#numbers.push(number);
    while (this.#numbers.length > KEPT) {
      await this.#disk.unlink(checkpointName(this.#numbers.shift()!));
    }
  }

  #sealed(number: number, records: Uint8Array): Uint8Array {
    const { storeId, segmentBytes, epoch } = this.#identity;
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES + records.byteLength);
    const magic = CHECKPOINT_MAGIC;
    const madeMillis = Date.now();
    bytes.set(
      encodeHeader({ magic, segmentBytes, storeId, number, epoch, previousEnd: 0, madeMillis }),
    );
    bytes.set(records, SEGMENT_HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    let at = SEGMENT_HEADER_BYTES;
    while (at < bytes.byteLength) {
      const recordBytes = at + 16 <= bytes.byteLength ? view.getUint32(at + 4, true) : 0;
      if (!isRecordBytes(recordBytes) || at + recordBytes > bytes.byteLength) {
        throw new Error(`a checkpoint has no whole record at ${at}`);
      }
      this.#seal.seal(view, at, CHECKPOINT_BASE + at);
      at += recordBytes;
    }
    return bytes;
  }
}
