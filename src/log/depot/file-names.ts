// The names of a depot's files, DATA/delayed/QUEUE-ID/ (docs/delayed-format.md). Shard threads, and
// `warrenmq inspect`.
//
//   SHIFT-PERIOD-ID.msgs                         messages that are due in a period of 2^SHIFT ms
//   SHIFT-PERIOD-ID-from-SHIFT-PERIOD-ID.msgs    the same, copied from the files of a longer period
//   SHIFT-PERIOD-ID.spent                        that period's files up to this id have been copied
//   done.log                                     messages that are done with
//
// What copying is half done says the directory alone: copies of files that are still there, and not
// spent, do not count.

/** The files of one period up to an id. */
export interface FileGroup {
  /** The period is 2^shift milliseconds long, and begins at `period * 2^shift`. */
  readonly shift: number;
  readonly period: number;
  readonly id: number;
}

export interface MessageFileName extends FileGroup {
  readonly name: string;
  /** Which files it holds copies of. */
  readonly from: FileGroup | undefined;
}

export const DONE_LOG = 'done.log';
export const NEW_DONE_LOG = 'done.new';

const GROUP = String.raw`(\d{1,2})-(\d{1,15})-(\d{1,15})`;
const MESSAGES = new RegExp(`^${GROUP}(?:-from-${GROUP})?\\.msgs$`, 'u');
const SPENT = new RegExp(`^${GROUP}\\.spent$`, 'u');

function groupText({ shift, period, id }: FileGroup): string {
  return `${shift}-${period}-${id}`;
}

export function messageFileName(group: FileGroup, from: FileGroup | undefined): string {
  const source = from === undefined ? '' : `-from-${groupText(from)}`;
  return `${groupText(group)}${source}.msgs`;
}

export function spentName(group: FileGroup): string {
  return `${groupText(group)}.spent`;
}

function parseMessageFileName(name: string): MessageFileName | undefined {
  const found = MESSAGES.exec(name);
  if (found === null) return undefined;
  const from = found[4] === undefined ? undefined : groupAt(found, 4);
  return { name, ...groupAt(found, 1), from };
}

function parseSpentName(name: string): FileGroup | undefined {
  const found = SPENT.exec(name);
  return found === null ? undefined : groupAt(found, 1);
}

function groupAt(found: RegExpExecArray, at: number): FileGroup {
  const [shift, period, id] = [found[at], found[at + 1], found[at + 2]].map(Number);
  return { shift, period, id };
}

function holds(group: FileGroup, { shift, period, id }: FileGroup): boolean {
  return group.shift === shift && group.period === period && id <= group.id;
}

export interface DepotFiles {
  /** Those that count. */
  readonly live: readonly MessageFileName[];
  /** Copied, or copies of what still counts itself: to be removed. */
  readonly dead: readonly MessageFileName[];
  /** To be removed when the dead are gone for good. */
  readonly spentMarks: readonly string[];
}

/** Which files of a directory count. */
export function depotFiles(names: readonly string[]): DepotFiles {
  const spentMarks = names.filter((name) => parseSpentName(name) !== undefined);
  const spent = spentMarks.map((name) => parseSpentName(name)!);
  const all = names.map(parseMessageFileName).filter((file) => file !== undefined);
  // Longer periods first: a copy that does not count was never copied on.
  all.sort((a, b) => b.shift - a.shift || a.period - b.period || a.id - b.id);
  const live: MessageFileName[] = [];
  const dead: MessageFileName[] = [];
  for (const file of all) {
    const { from } = file;
    const isSpent = spent.some((group) => holds(group, file));
    const isHalf = from !== undefined && live.some((source) => holds(from, source));
    if (isSpent || isHalf) dead.push(file);
    else live.push(file);
  }
  return { live, dead, spentMarks };
}
