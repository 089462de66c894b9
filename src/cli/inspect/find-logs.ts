// Finds out what a directory is that was named to `warrenmq inspect`: a data directory, one log in
// it, or none of ours. Main thread. Only looks.
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  DATA_FORMAT,
  dataDirectoryUser,
  dataFormat,
  type LockHolder,
} from '../../base/data-directory.ts';
import { numberInName } from '../../log/segment-header.ts';

const NAMES_SHOWN = 6;
const TOPOLOGY = 'topology';
const SHARDS = 'shards';

/** The directory cannot be inspected; the message is for the person who named it. */
export class NoDataDirectoryError extends Error {
  override readonly name = 'NoDataDirectoryError';
}

export interface LogPlace {
  /** `topology`, `shards/000`: relative to the directory that was named. */
  readonly name: string;
  readonly directory: string;
  /** Its number; undefined for the topology. */
  readonly shard: number | undefined;
}

export interface FoundLogs {
  readonly directory: string;
  readonly format: number | undefined;
  readonly user: LockHolder | undefined;
  readonly topology: LogPlace | undefined;
  readonly shards: readonly LogPlace[];
  /** Numbers of all shards that have a log there, those left out included. */
  readonly present: ReadonlySet<number>;
}

export function findLogs(directory: string): FoundLogs {
  const names = namesIn(directory);
  if (isDataDirectory(directory, names)) return dataDirectory(directory, undefined);
  if (!holdsLog(names)) throw new NoDataDirectoryError(nothingText(directory, names));
  // A log by itself says nothing of its queues' names: those are in the data directory around it.
  const shard = shardNumber(path.basename(directory));
  const above = path.resolve(directory, shard === undefined ? '..' : '../..');
  if (dataFormat(above) !== undefined) {
    return dataDirectory(above, path.resolve(directory));
  }
  const isTopology = path.basename(directory) === TOPOLOGY;
  const place = { name: '.', directory, shard: isTopology ? undefined : (shard ?? 0) };
  return {
    directory,
    format: undefined,
    user: undefined,
    topology: isTopology ? place : undefined,
    shards: isTopology ? [] : [place],
    present: new Set(),
  };
}

/** With all its shards' logs, or only the wanted one. */
function dataDirectory(directory: string, wanted: string | undefined): FoundLogs {
  const format = dataFormat(directory);
  if (format !== undefined && !(format <= DATA_FORMAT)) {
    throw new NoDataDirectoryError(formatText(directory, format));
  }
  const names = namesIn(directory);
  const numbers = names.includes(SHARDS) ? namesIn(path.join(directory, SHARDS)) : [];
  const all = numbers
    .filter((name) => shardNumber(name) !== undefined)
    .toSorted()
    .map((name) => ({
      name: `${SHARDS}/${name}`,
      directory: path.join(directory, SHARDS, name),
      shard: shardNumber(name)!,
    }));
  const topology = { name: TOPOLOGY, directory: path.join(directory, TOPOLOGY), shard: undefined };
  return {
    directory,
    format,
    user: dataDirectoryUser(directory),
    topology: names.includes(TOPOLOGY) ? topology : undefined,
    shards: all.filter((place) => wanted === undefined || path.resolve(place.directory) === wanted),
    present: new Set(all.map(({ shard }) => shard)),
  };
}

function isDataDirectory(directory: string, names: readonly string[]): boolean {
  if (names.includes('format') && !Number.isNaN(dataFormat(directory))) return true;
  // Without that file, as when it was lost: by what else a data directory holds.
  return [TOPOLOGY, SHARDS].every((name) => names.includes(name));
}

function holdsLog(names: readonly string[]): boolean {
  return names.some((name) => numberInName(name, '.seg') > 0 || numberInName(name, '.ckpt') > 0);
}

/** `000` is 0; undefined for other names. */
function shardNumber(name: string): number | undefined {
  return /^\d{3,6}$/u.test(name) ? Number(name) : undefined;
}

function namesIn(directory: string): string[] {
  try {
    if (!statSync(directory).isDirectory()) {
      throw new NoDataDirectoryError(
        `${directory} is a file; expected a data directory of WarrenMQ, or one log in it.\n` +
          'Name the directory; --segment N lists the records of one segment.',
      );
    }
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof NoDataDirectoryError) throw error;
    throw new NoDataDirectoryError(unreadableText(directory, error as NodeJS.ErrnoException));
  }
}

function unreadableText(directory: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') {
    return (
      `${directory} does not exist; expected a data directory of WarrenMQ, or one log in it.\n` +
      '`warrenmq server --print-config` shows where the broker has its own (data_dir).'
    );
  }
  if (code === 'EACCES') {
    return (
      `${directory} may not be read by this account.\n` +
      'Run `warrenmq inspect` as the account that the broker runs as.'
    );
  }
  return `${directory} cannot be read: ${message}`;
}

function formatText(directory: string, format: number): string {
  return (
    `The data directory ${directory} has format ${format}; this version reads up to format ` +
    `${DATA_FORMAT}.\nIt was written by a newer WarrenMQ: inspect it with that version.`
  );
}

function nothingText(directory: string, names: readonly string[]): string {
  const shown = names.toSorted().slice(0, NAMES_SHOWN).join(', ');
  const more = names.length > NAMES_SHOWN ? `, and ${names.length - NAMES_SHOWN} more` : '';
  const holds = names.length === 0 ? 'It is empty.' : `It holds: ${shown}${more}.`;
  const above = path.resolve(directory, '..');
  const hint =
    dataFormat(above) === undefined
      ? '`warrenmq server --print-config` shows where the broker has its own (data_dir).'
      : `The directory above it is one: warrenmq inspect ${above}`;
  return (
    `${directory} is no data directory of WarrenMQ: expected the file \`format\`, or the ` +
    `directories \`${TOPOLOGY}\` and \`${SHARDS}\`, or the segments of a log (NUMBER.seg).\n` +
    `${holds}\n${hint}`
  );
}
