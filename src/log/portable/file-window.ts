// A stretch of a file in memory that slides along it, so that a scan of 256 MiB takes 5 MiB of
// memory and gives way to other work at every slide. Main and shard threads.
import { RECORD_BYTES_MAX } from '../log.ts';
import type { DiskFile } from './disk.ts';

const SLIDE_BYTES = 4 * 1024 * 1024;

export class FileWindow {
  readonly view: DataView;
  readonly #file: DiskFile;
  readonly #fileBytes: number;
  readonly #bytes: Uint8Array;
  #from: number;
  #to: number;

  /** Over bytes `from` to `fileBytes` of a file. */
  constructor(file: DiskFile, from: number, fileBytes: number) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    const window = Math.min(SLIDE_BYTES + RECORD_BYTES_MAX, Math.max(0, fileBytes - from));
    this.#bytes = new Uint8Array(window);
    this.view = new DataView(this.#bytes.buffer);
    this.#from = from;
    this.#to = from;
  }

  /** Where the byte at `offset` of the file stands in `view`. */
  at(offset: number): number {
    return offset - this.#from;
  }

  /** Up to which offset of the file the window reaches. */
  get to(): number {
    return this.#to;
  }

  /** Whether the whole record that begins at `offset` is in the window, however long it is. */
  holds(offset: number): boolean {
    return this.#to >= this.#fileBytes || offset + RECORD_BYTES_MAX <= this.#to;
  }

  /** Slides on until the window begins at `offset`. */
  async slide(offset: number): Promise<void> {
    const kept = Math.max(0, this.#to - offset);
    if (kept > 0) this.#bytes.copyWithin(0, this.at(offset), this.at(this.#to));
    this.#from = offset;
    const wanted = Math.min(this.#bytes.byteLength, this.#fileBytes - offset);
    const read = await this.#file.read(this.#bytes.subarray(kept, wanted), offset + kept);
    this.#to = offset + kept + read;
  }
}
