// Moves messages that are far from due from the log into the depot. Shard thread, cold.
//
//   on disk in the log -> read -> appended to their periods' files, synced -> acked in the log
//
// Until they are synced there the log holds them, and only then are they acked: whatever happens,
// a message is in one of the two. If it is in both after a crash, recovery sees to that. A message
// that has left the queue meanwhile is voided in the depot. Memory: what is under way.
import { ENTRY_HEAD_BYTES, newEntry } from '../../src/log/depot/entry-format.ts';
import { PERSISTENT, SPILLED } from '../../src/log/log.ts';
import type { ReadMessage } from '../log/peek-reads.ts';
import { withdrawn } from '../queue/paging.ts';
import { isFull } from './depot-directory.ts';
import type { DepotState } from './depot-state.ts';
import { FileAppends } from './file-appends.ts';
import { newPeriodFile, type Period, type PeriodFile, periodKey } from './period.ts';

/** At once. Many, as every one of them may go to another file, which has to be synced. */
const MESSAGES_MAX = 16 * 1024;
const BYTES_MAX = 4 * 1024 * 1024;

/** A message in the log; `hint`: its row in the queue. */
interface Candidate {
  readonly row: number;
  readonly position: number;
  readonly due: number;
  readonly hint: number;
  readonly shift: number;
}

interface Place {
  readonly shift: number;
  readonly number: number;
  readonly file: PeriodFile;
}

/** What came of it: nothing to do, more to do, or the disk is full. */
export type Stowed = 'all' | 'more' | 'full';

export class Stowing {
  private readonly state: DepotState;
  private places: Map<string, Place>;
  private read: { readonly candidate: Candidate; readonly place: Place; readonly bytes: number }[];
  private appends: FileAppends;
  /** How many were read that are to stay in the log. */
  private kept: number;

  constructor(state: DepotState) {
    this.state = state;
    this.places = new Map();
    this.read = [];
    this.appends = this.newAppends();
    this.kept = 0;
  }

  private newAppends(): FileAppends {
    return new FileAppends(this.state.directory, this.state.queue.id);
  }

  async step(now: number): Promise<Stowed> {
    const { state } = this;
    const { epoch } = state;
    const candidates = this.gather(now);
    if (candidates.size === 0) return 'all';
    this.places = new Map();
    this.read = [];
    this.appends = this.newAppends();
    this.kept = 0;
    await state.around.peeks.each([...candidates.keys()], (row, message) => {
      this.add(candidates.get(row)!, message);
    });
    // What cannot be read, because the cleaner moves it or for good, is not tried at once again.
    if (this.read.length === 0) return this.kept > 0 ? 'more' : 'all';
    try {
      await this.appends.write();
      await this.appends.sync();
    } catch (error) {
      if (!isFull(error)) throw error;
      await this.appends.undo();
      return 'full';
    }
    if (state.epoch === epoch && !state.queue.isDeleted) this.moved();
    this.read = [];
    return 'more';
  }

  private gather(now: number): Map<number, Candidate> {
    const { delayed, done, lengths, dataBytesMax } = this.state;
    const { records } = this.state.around.shardLog;
    const candidates = new Map<number, Candidate>();
    let bytes = 0;
    delayed.showFar((row, position, due, hint) => {
      const dataBytes = records.dataBytes(row);
      if (dataBytes > dataBytesMax || done.kinds.has(position)) {
        delayed.keep(hint, position);
        return true;
      }
      const shift = lengths.shiftFor(due, now);
      if (shift === undefined) return true;
      candidates.set(row, { row, position, due, hint, shift });
      bytes += dataBytes;
      return candidates.size < MESSAGES_MAX && bytes < BYTES_MAX;
    });
    return candidates;
  }

  /** A message has been read from the log. */
  private add(candidate: Candidate, { flags, exrk, props, bodyBytes, data }: ReadMessage): void {
    const { state } = this;
    const { row, position, due, hint } = candidate;
    if ((flags & (PERSISTENT | SPILLED)) !== PERSISTENT) {
      // A transient one, which was written to save memory: a restart is to drop it.
      state.delayed.keep(hint, position);
      this.kept += 1;
      return;
    }
    const { records } = state.around.shardLog;
    const entry = newEntry({
      position,
      due,
      arrivedAt: records.isDated(row) ? records.traits.arrivedAt(row) : due,
      priority: records.priority(row),
      hasDied: records.hasDied(row),
      exrkBytes: exrk.length,
      propsBytes: props.length,
      bodyBytes,
    });
    entry.set(data, ENTRY_HEAD_BYTES);
    const place = this.placeOf(candidate);
    this.appends.add(place.file, entry);
    this.read.push({ candidate, place, bytes: data.length });
  }

  private placeOf({ shift, due }: Candidate): Place {
    const { state } = this;
    const number = state.lengths.periodOf(due, shift);
    const key = periodKey(shift, number);
    const known = this.places.get(key);
    if (known !== undefined) return known;
    const open = state.periods.get(key)?.files.find(({ isOpen }) => isOpen);
    const file = open ?? newPeriodFile({ shift, period: number, id: state.takeFileId() });
    const place = { shift, number, file };
    this.places.set(key, place);
    return place;
  }

  /** All that was read is on the disk. */
  private moved(): void {
    const { queue, delayed, done } = this.state;
    for (const { candidate, place, bytes } of this.read) {
      const { row, position, due, hint } = candidate;
      const period = this.periodOf(place);
      period.add(position, due, bytes);
      if (delayed.removeAt(hint, position, ~row)) {
        withdrawn(queue, position, ~row);
        continue;
      }
      // It was due, or dropped, or is on its way: the log's counts.
      done.voidEntry(position);
      period.remove(bytes);
    }
    this.state.tellFirst();
  }

  private periodOf({ shift, number, file }: Place): Period {
    const period = this.state.periodAt(shift, number);
    if (!period.files.includes(file)) period.files.push(file);
    return period;
  }
}
