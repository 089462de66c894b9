// Reads the directory of a depot at start: removes files that do not count, looks at every entry,
// and settles who has a message that is in the log as well. Shard thread, before anybody is served.
//
// A message is in both when a crash came between the depot's sync and the log's ack: then the depot
// has it, once its file has been synced again. One that is done with in the depot is so in the log.
import { open } from 'node:fs/promises';
import { SETTLED } from '../../src/log/depot/entry-format.ts';
import {
  depotFiles,
  DONE_LOG,
  type MessageFileName,
  NEW_DONE_LOG,
} from '../../src/log/depot/file-names.ts';
import { scanMessages } from '../../src/log/depot/file-scan.ts';
import { isInRanges } from '../../src/log/position-in-ranges.ts';
import { withdrawn } from '../queue/paging.ts';
import { isFull } from './depot-directory.ts';
import type { DepotState } from './depot-state.ts';
import type { PeriodFile } from './period.ts';

/** Nothing is known of what a crash cut off. */
const PERHAPS_TORN = ' (perhaps only a write that a crash cut off)';

export class DepotRecovery {
  private readonly state: DepotState;
  private readonly isClean: boolean;
  /** What the log holds: first, how many, first, ... */
  private readonly ranges: readonly number[];
  private readonly twice: Set<number>;
  private readonly doneSeen: Set<number>;
  private readonly files: { readonly file: PeriodFile; readonly hasTwice: boolean }[];
  readonly damage: string[];

  constructor(state: DepotState, isClean: boolean) {
    this.state = state;
    this.isClean = isClean;
    this.ranges = state.delayed.ranges([]);
    this.twice = new Set();
    this.doneSeen = new Set();
    this.files = [];
    this.damage = [];
  }

  async run(): Promise<void> {
    const { state } = this;
    const { directory, done } = state;
    const names = await directory.names();
    if (names.length === 0) return;
    const { live, dead, spentMarks } = depotFiles(names);
    for (const { id, from } of [...live, ...dead]) state.seeFileId(Math.max(id, from?.id ?? 0));
    await directory.remove([...dead.map(({ name }) => name), NEW_DONE_LOG]);
    await directory.sync();
    await directory.remove(spentMarks);
    this.note(DONE_LOG, await done.read());
    for (const name of live) await this.readFile(name);
    await this.syncTwice();
    const { queue } = state;
    state.delayed.removeAll(this.twice, (position, handle) => withdrawn(queue, position, handle));
    const unneeded = [...done.kinds.keys()].filter((position) => !this.doneSeen.has(position));
    done.forget(unneeded);
    await done.rewrite().catch((error: unknown) => {
      // It is tried again before anything is added.
      if (!isFull(error)) throw error;
    });
    state.tellFirst();
  }

  private async readFile(name: MessageFileName): Promise<void> {
    const { state } = this;
    const path = state.directory.file(name.name);
    let twice = 0;
    const period = state.periodAt(name.shift, name.period);
    const { fileBytes, seed, damage } = await scanMessages(path, (entry) => {
      const { position, due, exrkBytes, propsBytes, bodyBytes } = entry;
      state.delayed.reserve(position);
      const kind = state.done.kinds.get(position);
      if (kind !== undefined) this.doneSeen.add(position);
      if (kind === undefined) period.add(position, due, exrkBytes + propsBytes + bodyBytes);
      if ((kind === undefined || kind === SETTLED) && isInRanges(this.ranges, position)) {
        this.twice.add(position);
        twice += 1;
      }
    });
    if (seed === undefined) {
      await this.putAside(name.name, fileBytes);
      if (period.files.length === 0) state.periods.delete(period.key);
      return;
    }
    this.note(name.name, damage, fileBytes);
    const file = {
      name: name.name,
      id: name.id,
      seed,
      end: fileBytes,
      isOpen: false,
      damaged: damage.length,
    };
    period.files.push(file);
    this.files.push({ file, hasTwice: twice > 0 });
  }

  /** Without a header nothing in it can be read: a crash while it was made, or damage. */
  private async putAside(name: string, fileBytes: number): Promise<void> {
    const { directory } = this.state;
    if (fileBytes === 0) {
      await directory.remove([name]);
      return;
    }
    this.damage.push(`${name}, which has no header any more: now ${name}.bad`);
    await directory.rename(name, `${name}.bad`);
  }

  private note(name: string, ranges: readonly number[], fileBytes = -1): void {
    for (let i = 0; i < ranges.length; i += 2) {
      const isEnd = ranges[i + 1] === fileBytes && !this.isClean;
      const hint = isEnd ? PERHAPS_TORN : '';
      this.damage.push(`${name}, bytes ${ranges[i]} to ${ranges[i + 1]}${hint}`);
    }
  }

  /** What stands in the files may be in the system's memory only. */
  private async syncTwice(): Promise<void> {
    const { directory } = this.state;
    for (const { file, hasTwice } of this.files) {
      if (!hasTwice) continue;
      const handle = await open(directory.file(file.name), 'r+');
      try {
        await handle.datasync();
      } finally {
        await handle.close();
      }
    }
    await directory.sync();
  }
}
