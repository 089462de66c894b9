// Reads a store as a start of the broker would, without ever writing: first the topology, then the
// shards' logs, and says what it found. Main thread; the files are read by the pool's threads.
import type { Scan } from '../../log/log.ts';
import { depotFindings, readDepots } from './depots.ts';
import { type FoundLogs, findLogs, type LogPlace } from './find-logs.ts';
import { findingsOf } from './findings.ts';
import { type KnownTopology, readTopology } from './known-topology.ts';
import { LogContents } from './log-contents.ts';
import { type LogFiles, LogFindings, logFiles, scanOf, tasksOf } from './log-files.ts';
import { listRecords, type NameQueue } from './list-records.ts';
import { recordCount } from './record-kinds.ts';
import type { InspectReport, LogReport, QueueReport, SegmentListing, Totals } from './report.ts';
import { ScanPool } from './scan-pool.ts';
import type { ScanAnswer } from './scan-worker.ts';

export interface InspectOptions {
  readonly directory: string;
  readonly threads: number;
  /** List virtual hosts with all that is in them. */
  readonly topology: boolean;
  /** List this queue's messages. */
  readonly queue?: string | undefined;
  /** List this segment's records. */
  readonly segment?: number | undefined;
  /** Of messages and records. */
  readonly limit: number;
  readonly onProgress: (filesDone: number, files: number) => void;
}

const NO_ENTRIES: Scan = { entries: new Int32Array(0), end: 0, tornAt: -1, corrupt: [] };

/** Throws NoDataDirectoryError when there is nothing to inspect. */
export async function inspect(options: InspectOptions): Promise<InspectReport> {
  const found = findLogs(options.directory);
  const topologyFiles = found.topology === undefined ? undefined : logFiles(found.topology);
  const shards = found.shards.map(logFiles);
  const total = [...(topologyFiles === undefined ? [] : [topologyFiles]), ...shards].reduce(
    (files, log) => files + tasksOf(log).length,
    0,
  );
  let done = 0;
  const threads = Math.max(1, Math.min(options.threads, total));
  const pool = new ScanPool(threads, () => {
    done += 1;
    options.onProgress(done, total);
  });
  try {
    return await new Inspection(options, found, pool).run(topologyFiles, shards);
  } finally {
    await pool.close();
  }
}

interface ShardInspection {
  readonly place: LogPlace;
  readonly findings: LogFindings;
  contents: LogContents | undefined;
}

class Inspection {
  private readonly options: InspectOptions;
  private readonly found: FoundLogs;
  private readonly pool: ScanPool;
  private readonly listings: SegmentListing[];
  private topology: KnownTopology | undefined;

  constructor(options: InspectOptions, found: FoundLogs, pool: ScanPool) {
    this.options = options;
    this.found = found;
    this.pool = pool;
    this.listings = [];
    this.topology = undefined;
  }

  async run(
    topologyFiles: LogFiles | undefined,
    shards: readonly LogFiles[],
  ): Promise<InspectReport> {
    const logs: LogReport[] = [];
    if (topologyFiles !== undefined) logs.push(await this.readTopology(topologyFiles));
    const read = await this.readShards(shards);
    logs.push(...read.map(({ findings }) => findings.report()));
    const queues = this.queues(read);
    const { directory, format, user } = this.found;
    const topology = this.topology?.report(this.options.topology);
    const depots = await readDepots(directory, this.topology);
    return {
      directory,
      ...(format === undefined ? {} : { format }),
      ...(user === undefined ? {} : { inUse: { pid: user.pid, since: user.since } }),
      logs,
      ...(topology === undefined ? {} : { topology }),
      queues,
      depots,
      listings: this.listings,
      totals: totalsOf(logs, read),
      findings: [...findingsOf(logs, topology, user !== undefined), ...depotFindings(depots)],
    };
  }

  private async readTopology(files: LogFiles): Promise<LogReport> {
    const findings = new LogFindings(files);
    const { inventory } = files;
    if (inventory === undefined) return findings.report();
    const scans = new Map<number, Scan>();
    for await (const [task, answer] of this.pool.inOrder(tasksOf(files))) {
      this.fileRead(findings, task.kind, task.number, answer);
      // What is corrupt is told of with its file.
      const { entries, end } = scanOf(answer) ?? NO_ENTRIES;
      if (task.kind !== 'segment') continue;
      scans.set(task.number, { entries, end, tornAt: -1, corrupt: [] });
    }
    this.topology = await readTopology({
      inventory: () => inventory,
      scan: (segment) => Promise.resolve(scans.get(segment) ?? NO_ENTRIES),
    });
    // Listed only now, though without queue names: no record of this log has any.
    this.list(findings, scans);
    return findings.report();
  }

  private async readShards(shards: readonly LogFiles[]): Promise<ShardInspection[]> {
    const read = shards.map((files): ShardInspection => {
      return { place: files.place, findings: new LogFindings(files), contents: undefined };
    });
    const byDirectory = new Map(read.map((shard) => [shard.place.directory, shard]));
    for await (const [task, answer] of this.pool.inOrder(shards.flatMap(tasksOf))) {
      const shard = byDirectory.get(task.directory)!;
      this.fileRead(shard.findings, task.kind, task.number, answer);
      if (task.kind !== 'segment') continue;
      shard.contents ??= this.contentsOf(shard);
      if (answer.kind !== 'scanned') continue;
      shard.contents.segment(task.number, answer.scan.entries);
      this.list(shard.findings, new Map([[task.number, answer.scan]]));
    }
    // A log may have lost all its segments and still have numbers to keep.
    for (const shard of read) shard.contents ??= this.contentsOf(shard);
    return read;
  }

  private fileRead(
    findings: LogFindings,
    kind: 'segment' | 'checkpoint',
    number: number,
    answer: ScanAnswer,
  ): void {
    if (kind === 'segment') findings.segmentRead(number, answer);
    else findings.checkpointRead(number, answer);
  }

  private contentsOf({ findings }: ShardInspection): LogContents {
    const segmentBytes = findings.files.inventory?.segmentBytes ?? 1;
    const { topology } = this;
    return new LogContents(findings.checkpoint, segmentBytes, (id) => {
      return topology === undefined || topology.queues.has(id);
    });
  }

  private list(findings: LogFindings, scans: ReadonlyMap<number, Scan>): void {
    const { segment, limit } = this.options;
    const scan = segment === undefined ? undefined : scans.get(segment);
    if (scan === undefined) return;
    const { file } = findings.fileOf(segment!);
    const nameQueue: NameQueue = (id) => this.topology?.queues.get(id)?.spec.name ?? `queue ${id}`;
    this.listings.push({ file, ...listRecords(scan.entries, limit, nameQueue) });
  }

  /** A queue's own shard counts; where that is gone or was taken over, the others do. */
  private queues(shards: readonly ShardInspection[]): QueueReport[] {
    const imported = new Set(shards.flatMap(({ contents }) => [...contents!.imported]));
    const countsAtHome = new Set(this.found.present);
    for (const { place, findings } of shards) {
      if (imported.has(findings.files.inventory?.storeId ?? '')) countsAtHome.delete(place.shard!);
    }
    const queues: QueueReport[] = [];
    for (const { place, contents } of shards) {
      for (const id of contents!.queueIds) {
        const known = this.topology?.queues.get(id);
        const home = known?.spec.shard;
        const isElsewhere = home !== undefined && (home === place.shard) !== countsAtHome.has(home);
        if (isElsewhere && this.found.present.size > 0) contents!.discard(id);
        else queues.push(this.queue(id, place, contents!));
      }
    }
    return this.withEmptyOnes(queues).toSorted(byName);
  }

  private queue(id: number, place: LogPlace, contents: LogContents): QueueReport {
    const { queue, limit } = this.options;
    const known = this.topology?.queues.get(id);
    const name = known?.spec.name;
    const isListed = (name ?? String(id)) === queue;
    return {
      ...(known === undefined ? {} : { name: known.spec.name, vhost: known.vhost }),
      id,
      log: place.name,
      ...contents.finish(id, isListed ? limit : 0),
    };
  }

  /** Queues of which no log has heard: they never had a persistent message. */
  private withEmptyOnes(queues: readonly QueueReport[]): readonly QueueReport[] {
    const seen = new Set(queues.map(({ id }) => id));
    const all = [...queues];
    const shown = new Map(this.found.shards.map(({ shard, name }) => [shard, name]));
    for (const [id, { vhost, spec }] of this.topology?.queues ?? []) {
      const log = shown.get(spec.shard);
      if (seen.has(id) || log === undefined) continue;
      const listed = spec.name === this.options.queue ? { listed: [] } : {};
      all.push({ name: spec.name, vhost, id, log, messages: 0, bytes: 0, records: 0, ...listed });
    }
    return all;
  }
}

function byName(one: QueueReport, other: QueueReport): number {
  const vhosts = (one.vhost ?? '').localeCompare(other.vhost ?? '');
  return vhosts || (one.name ?? '').localeCompare(other.name ?? '') || one.id - other.id;
}

function totalsOf(logs: readonly LogReport[], shards: readonly ShardInspection[]): Totals {
  const files = logs.flatMap(({ segments, checkpoints }) => [...segments, ...checkpoints]);
  const live = shards.map(({ contents }) => contents!.live());
  const messages = live.reduce((sum, one) => sum + one.messages, 0);
  const liveBytes = live.reduce((sum, one) => sum + one.dataBytes, 0);
  const neededBytes = live.reduce((sum, one) => sum + one.recordBytes, 0);
  const messageBytes = shards
    .flatMap(({ findings }) => findings.report().segments)
    .reduce((sum, { recordBytes }) => sum + recordBytes, 0);
  const diskBytes = logs.reduce((sum, log) => sum + log.diskBytes, 0);
  return {
    messages,
    liveBytes,
    deadBytes: Math.max(0, messageBytes - neededBytes),
    diskBytes,
    ...(liveBytes === 0 ? {} : { amplification: diskBytes / liveBytes }),
    records: files.reduce((sum, { records }) => sum + recordCount(records), 0),
    files: files.filter(({ isGone }) => isGone !== true).length,
  };
}
