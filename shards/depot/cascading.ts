// Divides a period that has drawn near among shorter ones. Shard thread, cold.
//
//   its files -> read, a piece at a time -> copies in files of shorter periods, synced
//             -> mark: its files are spent, synced -> they are removed -> the mark is
//
// The directory says at every moment which files count (src/log/depot/file-names.ts): a crash
// leaves the files, or their copies, and never both. What is due meanwhile goes on between pieces.
import { scanMessages, type FoundEntry } from '../../src/log/depot/file-scan.ts';
import { spentName } from '../../src/log/depot/file-names.ts';
import { isFull } from './depot-directory.ts';
import type { DepotState } from './depot-state.ts';
import { FileAppends } from './file-appends.ts';
import { newPeriodFile, Period } from './period.ts';

const WRITTEN_FROM_BYTES = 4 * 1024 * 1024;

/** `between` is run after every piece; false: it is not to go on. */
export type Between = () => Promise<boolean>;

export class Cascading {
  private readonly state: DepotState;
  private readonly period: Period;
  private readonly appends: FileAppends;
  /** By number. */
  private readonly shorter: Map<number, Period>;
  private readonly skipped: number[];

  constructor(state: DepotState, period: Period) {
    this.state = state;
    this.period = period;
    this.appends = new FileAppends(state.directory, state.queue.id);
    this.shorter = new Map();
    this.skipped = [];
  }

  /** False when the disk has no room for the copies: the period is as it was. */
  async run(between: Between): Promise<boolean> {
    const { state } = this;
    const { epoch } = state;
    const goesOn = async (): Promise<boolean> => (await between()) && state.epoch === epoch;
    try {
      const isCopied = await this.copy(goesOn);
      if (!isCopied) {
        await this.appends.undo();
        return true;
      }
      await state.directory.mark(this.mark);
    } catch (error) {
      if (!isFull(error)) throw error;
      // The mark first: with it on the disk, only the copies would count.
      await state.directory.remove([this.mark]);
      await state.directory.sync();
      await this.appends.undo();
      return false;
    }
    await this.commit(epoch);
    return true;
  }

  private get mark(): string {
    return spentName(this.period.group);
  }

  /** False when it is not to go on. */
  private async copy(goesOn: Between): Promise<boolean> {
    const { state, period, appends } = this;
    for (const file of period.files) {
      let isAborted = false;
      const scanned = await scanMessages(
        state.directory.file(file.name),
        (entry) => this.see(entry),
        async () => {
          if (appends.bytes >= WRITTEN_FROM_BYTES) await appends.write();
          isAborted = !(await goesOn());
          return !isAborted;
        },
      );
      if (isAborted) return false;
      if (scanned.damage.length > file.damaged) state.damaged(file.name, scanned.damage);
      file.damaged = scanned.damage.length;
    }
    await appends.write();
    await appends.sync();
    return goesOn();
  }

  private see(entry: FoundEntry): void {
    const { state, period } = this;
    const { position, due, exrkBytes, propsBytes, bodyBytes, at, piece, entryBytes } = entry;
    if (state.done.kinds.has(position)) {
      this.skipped.push(position);
      return;
    }
    const shift = state.lengths.shorter(period.shift)!;
    const number = state.lengths.periodOf(due, shift);
    let to = this.shorter.get(number);
    if (to === undefined) {
      to = new Period(shift, number);
      const group = { shift, period: number, id: state.takeFileId() };
      to.files.push(newPeriodFile(group, period.group));
      this.shorter.set(number, to);
    }
    this.appends.add(to.files[0], Buffer.from(piece.subarray(at, at + entryBytes)));
    const dataBytes = exrkBytes + propsBytes + bodyBytes;
    to.add(position, due, dataBytes);
    // One that was sent on at once is on its way, and is done with when it has arrived.
    if (state.lent.has(position)) to.remove(dataBytes);
  }

  private async commit(epoch: number): Promise<void> {
    const { state, period } = this;
    const { directory } = state;
    await directory.remove(period.files.map(({ name }) => name));
    await directory.sync();
    await directory.remove([this.mark]);
    if (state.epoch !== epoch) return;
    state.periods.delete(period.key);
    for (const to of this.shorter.values()) {
      state.periodAt(to.shift, to.number).merge(to);
    }
    state.done.forget(this.skipped);
    state.tellFirst();
  }
}
