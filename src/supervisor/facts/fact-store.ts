// The durable part of the broker's state: recovers it when the broker starts, and logs each change
// of it (docs/durability.md, "Topology"). Main thread. Every start writes a snapshot: the default
// user and virtual host of a new store are there together or not at all, what was found damaged is
// whole again, and the segments of earlier starts do not pile up.
// Invariant: between two appends the state is exactly what the log says, so that a snapshot may be
// taken at each.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from '../../base/logger.ts';
import type { Log, LogCallbacks, LogOptions } from '../../log/log.ts';
import type { BrokerState } from './broker-state.ts';
import type { Fact } from './fact.ts';
import { historyOf } from './fact-history.ts';
import { type FoundFacts, scanFacts } from './fact-scan.ts';
import { FactWriter } from './fact-writer.ts';

const SEGMENT_BYTES = 1024 * 1024;
const SPARE_SEGMENTS = 1;
/** How many queue ids are taken ahead: a restart skips at most as many. */
const QUEUE_IDS_AHEAD = 8192;

export interface FactStoreOptions {
  readonly directory: string;
  readonly openLog: (options: LogOptions, callbacks: LogCallbacks) => Log;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** The log cannot allocate more segments, or can again. */
  readonly onSpace: (isShort: boolean) => void;
  readonly faults?: string | undefined;
}

export class FactStore {
  /** Rejects when the log fails: what is not answered by then never will be. */
  readonly failed: Promise<never>;
  private readonly state: BrokerState;
  private readonly options: FactStoreOptions;
  private log: Log | undefined;
  private writer: FactWriter | undefined;
  private fail: (error: Error) => void;
  /** Ids below are logged as used; and durably so. */
  private idsBelow: number;
  private idsDurablyBelow: number;

  constructor(state: BrokerState, options: FactStoreOptions) {
    this.state = state;
    this.options = options;
    this.log = undefined;
    this.writer = undefined;
    this.fail = () => {};
    this.idsBelow = 0;
    this.idsDurablyBelow = 0;
    this.failed = new Promise((_resolve, reject) => {
      this.fail = reject;
    });
    // Looked at by whoever runs the broker; a rejection before that must not end the process.
    this.failed.catch(() => {});
  }

  /** Which log runs: `native` or `portable`. */
  get kind(): string {
    return this.log?.kind ?? '';
  }

  /** Fills the state; `makeNew` does when the store is new. */
  async start(makeNew: (state: BrokerState) => void): Promise<void> {
    const { directory } = this.options;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    this.log = this.open();
    const { segments, segmentBytes } = this.log.inventory();
    const found = await scanFacts(this.log);
    const hasFacts = this.recover(found);
    // Later segments tell of a start that was finished, even where nothing of it can be read.
    if (!hasFacts && (segments[0] ?? 1) === 1) makeNew(this.state);
    const position = await this.log.begin(found.previousEnd);
    this.writer = new FactWriter(this.log, segmentBytes, segments, position);
    await Promise.race([this.snapshot(), this.failed]);
  }

  /**
   * Logs what has just happened to the state. Resolves when it is durable, without facts at once:
   * unless queue ids were given that are not yet known to be used.
   */
  append(facts: readonly Fact[]): Promise<void> {
    const { nextQueueId } = this.state.topology;
    const areIdsTooFar = nextQueueId > this.idsDurablyBelow;
    const isAwaited = facts.length > 0 || areIdsTooFar;
    const needsIds = areIdsTooFar || nextQueueId + QUEUE_IDS_AHEAD / 2 > this.idsBelow;
    if (!isAwaited && !needsIds) return Promise.resolve();
    const durable = this.write(needsIds ? [...facts, this.moreIds()] : facts, isAwaited);
    if (this.writer!.isSnapshotDue) void this.snapshot();
    return isAwaited ? durable : Promise.resolve();
  }

  /** Writes the state anew, whatever facts led to it; resolves when that is durable. */
  async rewrite(): Promise<void> {
    await Promise.race([this.snapshot(), this.failed]);
  }

  async close(): Promise<void> {
    this.writer?.end();
    await this.log?.close();
  }

  private open(): Log {
    const { directory, faults, openLog, logger, onSpace } = this.options;
    const options = {
      directory,
      segmentBytes: SEGMENT_BYTES,
      spareSegments: SPARE_SEGMENTS,
      memories: [],
      ...(faults === undefined ? {} : { faults }),
    };
    return openLog(options, {
      onProgress: (_written, synced) => this.writer?.synced(synced),
      onRead: () => {},
      onPacked: () => {},
      onSpace: (isShort) => {
        const what = isShort
          ? 'no disk space for the topology log to grow: when it is full, declarations wait'
          : 'disk space for the topology log again: declarations go on';
        logger.warn(what, { directory });
        onSpace(isShort);
      },
      onFailure: (reason) => {
        this.writer?.end();
        this.fail(new Error(`the topology log in ${directory} failed: ${reason}`));
      },
    });
  }

  /** Answers whether there was anything. */
  private recover(found: FoundFacts): boolean {
    const { logger, directory } = this.options;
    const { unreadable, torn } = found;
    const inDirectory = (file: string): string => path.join(directory, file);
    for (const { file, offset, reason } of unreadable) {
      const at = { file: inDirectory(file), offset };
      logger.warn(`part of the topology log was skipped: ${reason}`, at);
    }
    if (torn !== undefined) {
      const at = { file: inDirectory(torn.file), offset: torn.offset };
      logger.info('the last write to the topology log was cut off; nobody was told of it', at);
    }
    const { facts, missing } = historyOf(found.facts);
    if (missing > 0) logger.warn('records of the topology snapshot are missing', { missing });
    for (const { fact, place } of facts) {
      const problem = this.state.restore(fact);
      if (problem === undefined) continue;
      const at = { file: inDirectory(place.file), offset: place.offset, kind: fact.kind };
      logger.warn(`a fact of the topology log does not fit: ${problem}`, at);
    }
    this.state.restored();
    return facts.length > 0;
  }

  private async snapshot(): Promise<void> {
    const ids = this.moreIds();
    // The last record is needed to know that the snapshot is complete, and then it is no loss.
    await this.writer!.snapshot([...this.state.facts(), ids]);
    this.idsAreDurable(ids.below);
  }

  private async write(facts: readonly Fact[], isAwaited: boolean): Promise<void> {
    const { idsBelow } = this;
    await this.writer!.append(facts, isAwaited);
    this.idsAreDurable(idsBelow);
  }

  private moreIds(): Extract<Fact, { kind: 'queue-ids-used' }> {
    this.idsBelow = this.state.topology.nextQueueId + QUEUE_IDS_AHEAD;
    return { kind: 'queue-ids-used', below: this.idsBelow };
  }

  private idsAreDurable(below: number): void {
    this.idsDurablyBelow = Math.max(this.idsDurablyBelow, below);
  }
}
