// One period of a depot that has not drawn near: its files, and what is known of the messages in
// them without reading them. Shard thread.
import { type FileGroup, messageFileName } from '../../src/log/depot/file-names.ts';

/** A file of messages. */
export interface PeriodFile {
  readonly name: string;
  readonly id: number;
  /** For checksums; undefined while the file has no header yet. */
  seed: number | undefined;
  /** Where the next entry goes. */
  end: number;
  /** It was made in this life of the broker: what stands in it is known to be whole. */
  readonly isOpen: boolean;
  /** Places in it that cannot be read, as far as that has been said. */
  damaged: number;
}

export function newPeriodFile(group: FileGroup, from?: FileGroup): PeriodFile {
  const name = messageFileName(group, from);
  return { name, id: group.id, seed: undefined, end: 0, isOpen: true, damaged: 0 };
}

export class Period {
  readonly shift: number;
  readonly number: number;
  readonly files: PeriodFile[];
  /** Messages that wait here, and their bytes. */
  count: number;
  bytes: number;
  /** The first of them; it may have been cancelled meanwhile. */
  firstDue: number;
  private low: number;
  private high: number;
  private isEmpty: boolean;

  constructor(shift: number, number: number) {
    this.shift = shift;
    this.number = number;
    this.files = [];
    this.count = 0;
    this.bytes = 0;
    this.firstDue = Number.POSITIVE_INFINITY;
    this.low = 0;
    this.high = 0;
    this.isEmpty = true;
  }

  get key(): string {
    return periodKey(this.shift, this.number);
  }

  /** All its files are up to this. */
  get group(): FileGroup {
    const id = this.files.reduce((max, file) => Math.max(max, file.id), 0);
    return { shift: this.shift, period: this.number, id };
  }

  /** A message is in one of the files. */
  add(position: number, due: number, dataBytes: number): void {
    this.count += 1;
    this.bytes += dataBytes;
    this.firstDue = Math.min(this.firstDue, due);
    if (this.isEmpty || ((position - this.low) | 0) < 0) this.low = position;
    if (this.isEmpty || ((position - this.high) | 0) > 0) this.high = position;
    this.isEmpty = false;
  }

  /** It does not wait here any more. */
  remove(dataBytes: number): void {
    this.count -= 1;
    this.bytes -= dataBytes;
  }

  /** All that is in `other`, of the same time, is here too. */
  merge(other: Period): void {
    this.files.push(...other.files);
    this.count += other.count;
    this.bytes += other.bytes;
    this.firstDue = Math.min(this.firstDue, other.firstDue);
    if (other.isEmpty) return;
    if (this.isEmpty || ((other.low - this.low) | 0) < 0) this.low = other.low;
    if (this.isEmpty || ((other.high - this.high) | 0) > 0) this.high = other.high;
    this.isEmpty = false;
  }

  /** Whether a message of this position can be here. */
  mayHold(position: number): boolean {
    return !this.isEmpty && ((position - this.low) | 0) >= 0 && ((position - this.high) | 0) <= 0;
  }
}

export function periodKey(shift: number, number: number): string {
  return `${shift}-${number}`;
}
