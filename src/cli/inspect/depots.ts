// What waits in the depots of a data directory, `delayed/QUEUE-ID`: messages that exchanges hold
// back and that are not due soon (docs/delayed-format.md). Main thread. Only looks: what a start of
// the broker would remove is left out, and stays.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { depotFiles, DONE_LOG, type MessageFileName } from '../../log/depot/file-names.ts';
import { scanDone, scanMessages } from '../../log/depot/file-scan.ts';
import type { KnownTopology } from './known-topology.ts';
import type { CorruptRange, DepotFileReport, DepotReport, Finding } from './report.ts';

const DIRECTORY = 'delayed';
const QUEUE_ID = /^\d{1,10}$/u;

export async function readDepots(
  dataDirectory: string,
  topology: KnownTopology | undefined,
): Promise<DepotReport[]> {
  const ids = namesIn(path.join(dataDirectory, DIRECTORY))
    .filter((name) => QUEUE_ID.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);
  const reports: DepotReport[] = [];
  for (const id of ids) reports.push(await readDepot(dataDirectory, id, topology));
  return reports;
}

async function readDepot(
  dataDirectory: string,
  id: number,
  topology: KnownTopology | undefined,
): Promise<DepotReport> {
  const name = `${DIRECTORY}/${id}`;
  const directory = path.join(dataDirectory, DIRECTORY, String(id));
  const names = namesIn(directory);
  const { live, dead } = depotFiles(names);
  const done = new Set<number>();
  const doneDamage = await scanDone(path.join(directory, DONE_LOG), (position) => {
    done.add(position);
  });
  const files: DepotFileReport[] = [];
  for (const file of live) {
    const report = await readMessages(directory, name, file, done);
    if (report !== undefined) files.push(report);
  }
  const known = topology?.queues.get(id);
  const messages = files.reduce((sum, file) => sum + file.messages, 0);
  const dues = files.flatMap(({ firstDue }) => firstDue ?? []);
  return {
    name,
    queueId: id,
    ...(known === undefined ? {} : { queue: known.spec.name, vhost: known.vhost }),
    isOrphan: topology !== undefined && known === undefined,
    messages,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    ...(messages === 0 ? {} : { firstDue: Math.min(...dues) }),
    files,
    deadFiles: dead.map((file) => file.name),
    asideFiles: names.filter((one) => one.endsWith('.bad')),
    doneDamage: rangesOf(doneDamage ?? []),
  };
}

/** Undefined: a broker that runs has removed it meanwhile. */
async function readMessages(
  directory: string,
  depot: string,
  { name, shift, period }: MessageFileName,
  done: ReadonlySet<number>,
): Promise<DepotFileReport | undefined> {
  let messages = 0;
  let bytes = 0;
  let entries = 0;
  let firstDue = Number.POSITIVE_INFINITY;
  const see = (entry: {
    position: number;
    due: number;
    exrkBytes: number;
    propsBytes: number;
    bodyBytes: number;
  }): void => {
    entries += 1;
    if (done.has(entry.position)) return;
    messages += 1;
    bytes += entry.exrkBytes + entry.propsBytes + entry.bodyBytes;
    firstDue = Math.min(firstDue, entry.due);
  };
  const file = `${depot}/${name}`;
  const from = period * 2 ** shift;
  const head = { file, from, to: from + 2 ** shift };
  try {
    const { fileBytes, damage, seed } = await scanMessages(path.join(directory, name), see);
    return {
      ...head,
      fileBytes,
      entries,
      messages,
      bytes,
      ...(messages === 0 ? {} : { firstDue }),
      corrupt: rangesOf(damage),
      ...(seed === undefined ? { problem: 'it has no whole header' } : {}),
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    const nothing = { fileBytes: 0, entries: 0, messages: 0, bytes: 0, corrupt: [] };
    return { ...head, ...nothing, problem: message };
  }
}

export function depotFindings(depots: readonly DepotReport[]): Finding[] {
  const findings: Finding[] = [];
  for (const { name, files, doneDamage, asideFiles } of depots) {
    for (const { file, corrupt, problem } of files) {
      if (problem === undefined) findings.push(...damaged(file, corrupt));
      else findings.push({ file, text: `cannot be read: ${problem}` });
    }
    findings.push(...damaged(`${name}/${DONE_LOG}`, doneDamage));
    for (const file of asideFiles) {
      findings.push({ file: `${name}/${file}`, text: 'was put aside: it had no whole header' });
    }
  }
  return findings;
}

function damaged(file: string, ranges: readonly CorruptRange[]): Finding[] {
  return ranges.map(({ from, to }) => {
    return { file, from, to, text: `${to - from} bytes are corrupt, or cut off by a crash` };
  });
}

function rangesOf(flat: readonly number[]): CorruptRange[] {
  const ranges: CorruptRange[] = [];
  for (let i = 0; i < flat.length; i += 2) ranges.push({ from: flat[i], to: flat[i + 1] });
  return ranges;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
