// The claim on a data directory: created when missing, held by one broker at a time, and of a
// format this version can read. Runs in main only, before anything else touches the directory.
// Files: `lock` (JSON: who holds it), `format` (the number of the layout).
// Taking over the lock of a dead process is safe against others doing the same at that moment: only
// the one that links `lock.after-<id of the dead holder>` may replace `lock`, and only while `lock`
// still has that id. A lock appears with its content in one step (link), never half written.
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isProcessAlive, processStart } from './process-identity.ts';

/** The layout this version writes. Raise it when an older version could misread the directory. */
export const DATA_FORMAT = 1;

/** Why a data directory cannot be used; the message is for the person who started the broker. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

export interface DataDirectory {
  readonly path: string;
  /** Gives the directory back. Calling it again does nothing. */
  release(): void;
}

export interface LockHolder {
  readonly id: string;
  readonly pid: number;
  readonly processStart: string | undefined;
  readonly since: string;
}

export function claimDataDirectory(directory: string): DataDirectory {
  const lock = path.join(directory, 'lock');
  const id = randomUUID();
  const ticket = path.join(directory, `lock.ticket-${id}`);
  const holder: LockHolder = {
    id,
    pid: process.pid,
    processStart: processStart(process.pid),
    since: new Date().toISOString(),
  };
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    writeFileSync(ticket, JSON.stringify(holder), { mode: 0o640 });
  } catch (error) {
    throw new DataDirectoryError(
      `The data directory ${directory} cannot be used: ${(error as Error).message}. ` +
        'Choose another one with --data-dir, or correct its owner and permissions.',
    );
  }
  try {
    takeLock(directory, lock, ticket);
  } finally {
    unlinkSync(ticket);
  }
  const release = () => {
    // Not ours any more when it was deleted by hand and claimed by somebody else.
    if (readHolder(lock)?.id === id) unlinkSync(lock);
  };
  try {
    checkFormat(directory);
  } catch (error) {
    release();
    throw error;
  }
  return { path: directory, release };
}

/** The process that uses a data directory now, if one does. Only looks. */
export function dataDirectoryUser(directory: string): LockHolder | undefined {
  const holder = readHolder(path.join(directory, 'lock'));
  if (holder === undefined) return undefined;
  return isProcessAlive(holder.pid, holder.processStart) ? holder : undefined;
}

/** The number in the file `format`: undefined without that file, NaN when it holds none. */
export function dataFormat(directory: string): number | undefined {
  const text = readIfPresent(path.join(directory, 'format'));
  if (text === undefined) return undefined;
  return /^\d{1,9}\n?$/u.test(text) ? Number(text) : Number.NaN;
}

function takeLock(directory: string, lock: string, ticket: string): void {
  for (;;) {
    // The dead holders passed on the way, oldest first.
    const passed: { file: string; id: string }[] = [];
    let name = lock;
    while (!linkIfAbsent(ticket, name)) {
      const holder = readHolder(name);
      if (holder === undefined) {
        // Released between the two steps.
        passed.length = 0;
        name = lock;
        continue;
      }
      if (isProcessAlive(holder.pid, holder.processStart)) {
        throw new DataDirectoryError(heldText(directory, name, holder));
      }
      passed.push({ file: name, id: holder.id });
      name = `${lock}.after-${holder.id}`;
    }
    if (name === lock) return;
    if (passed.every(({ file, id }) => readHolder(file)?.id === id)) {
      renameSync(name, lock);
      for (const { file } of passed.slice(1)) unlinkSync(file);
      return;
    }
    unlinkSync(name);
  }
}

function heldText(directory: string, file: string, holder: LockHolder): string {
  return (
    `The data directory ${directory} is in use by process ${holder.pid} ` +
    `(since ${holder.since}).\n` +
    'Stop that broker, or choose another directory with --data-dir.\n' +
    `If process ${holder.pid} is no WarrenMQ broker, delete ${file}.`
  );
}

function linkIfAbsent(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds a lock file; undefined when it is gone. An unreadable one has a dead holder. */
function readHolder(file: string): LockHolder | undefined {
  const text = readIfPresent(file);
  if (text === undefined) return undefined;
  try {
    const { id, pid, processStart: start, since } = JSON.parse(text);
    if (typeof id === 'string' && /^[\w-]{1,64}$/u.test(id) && Number.isInteger(pid)) {
      return { id, pid, processStart: start, since };
    }
  } catch {
    // Emptied by a power failure, or edited: falls through to a holder that cannot be alive.
  }
  return { id: 'unreadable', pid: 2 ** 31 - 1, processStart: undefined, since: 'unknown' };
}

function checkFormat(directory: string): void {
  const file = path.join(directory, 'format');
  const format = dataFormat(directory);
  if (format === undefined) {
    // By way of a rename, so that a crash leaves no empty file behind.
    writeFileSync(`${file}.new`, `${DATA_FORMAT}\n`, { mode: 0o640 });
    renameSync(`${file}.new`, file);
    return;
  }
  if (Number.isNaN(format)) {
    throw new DataDirectoryError(
      `${file} does not hold a format number; ${directory} is no data directory of WarrenMQ. ` +
        'Choose another one with --data-dir.',
    );
  }
  if (format > DATA_FORMAT) {
    throw new DataDirectoryError(
      `The data directory ${directory} has format ${format}; this version reads up to format ` +
        `${DATA_FORMAT}. It was written by a newer WarrenMQ: start that version, or choose ` +
        'another directory with --data-dir.',
    );
  }
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
