// Test support: one shard with a log in a directory, driven by hand, and its only acceptor with
// slab, confirms and deliveries. A crash is a copy of the directory at that moment: what was
// written is in it, synced or not (a power cut is for the tests of the log itself).
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as eventLoopTurn, setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { Storage } from '../../../../shards/log/storage.ts';
import { LANE_MEMORY, LANE_SYNCED } from '../../../../shards/mailbox/confirm-counter.ts';
import type { OrphanLog, RecoveryReport } from '../../../../shards/mailbox/control-messages.ts';
import { SlabAllocator } from '../../../../shards/mailbox/slab-allocator.ts';
import { NO_PAGE, Slab, SlabCursor } from '../../../../shards/mailbox/slab.ts';
import {
  PERSISTENT_FLAG,
  PRIORITY_SHIFT,
  priorityCode,
} from '../../../../shards/mailbox/to-shard-layout.ts';
import type { Queue } from '../../../../shards/queue/queue.ts';
import type { QueueSpec } from '../../../../src/routing/change.ts';
import { openLog } from '../../../../src/log/open-log.ts';
import { type Entry, entriesOf, SEGMENT_BYTES } from '../../log/test-log.ts';
import type { AcceptorSide, Delivered, FromShard } from '../acceptor-side.ts';
import { type DriverLog, ShardDriver } from '../shard-driver.ts';

export const CHANNEL = 3;
const CONNECTION = 1;
const RING_BYTES = 4 * 1024 * 1024;
const WINDOW_BYTES = 1024 ** 3;
const INLINE_BYTES_MAX = 4096;
const ROUNDS_MAX = 20_000;

/** A new directory below the system's temporary one, gone when the test ends. */
export function freshDirectory(): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-shard-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return path.join(root, '000');
}

export interface Options extends Partial<DriverLog> {
  /** Number -> what is special about the queue. */
  readonly queues?: Readonly<Record<number, Partial<QueueSpec>>>;
  readonly orphans?: readonly OrphanLog[];
  /** Of each of its three rings. */
  readonly ringBytes?: number;
}

export interface Message {
  readonly exrk?: string;
  readonly props?: string;
  readonly lane?: number;
  /** Undefined: it has none. */
  readonly priority?: number;
  /** Delivery mode 2; so are all but those of lane memory. */
  readonly isPersistent?: boolean;
  readonly ttlMillis?: number;
}

/** A delivery with its body, wherever that came from. */
export interface Arrived extends Omit<Delivered, 'body'> {
  readonly body: Buffer;
}

export type Forwarded = Extract<FromShard, { readonly kind: 'forward' }>;

export class DurableShard {
  readonly directory: string;
  readonly driver: ShardDriver;
  readonly acceptor: AcceptorSide;
  readonly storage: Storage;
  readonly slab: SlabAllocator;
  /** What the shard said, other than deliveries, and not asked for yet. */
  readonly replies: FromShard[] = [];
  /** Messages it has forwarded, not answered yet. */
  readonly forwarded: Forwarded[] = [];
  private readonly options: Options;
  private readonly slabs: readonly Slab[];
  private readonly arrived: Arrived[] = [];
  private isStopped = false;

  private constructor(directory: string, options: Options) {
    this.directory = directory;
    this.options = options;
    this.driver = new ShardDriver({
      ringBytes: options.ringBytes ?? RING_BYTES,
      windowBytes: WINDOW_BYTES,
      connectionWindowBytes: WINDOW_BYTES,
      log: { inlineBytesMax: INLINE_BYTES_MAX, ...options, directory },
    });
    this.acceptor = this.driver.acceptor;
    this.storage = this.driver.state.storage!;
    this.slab = new SlabAllocator(this.driver.slabs[0]);
    this.slabs = this.driver.slabs.map((memory) => new Slab(memory));
  }

  /** A shard that has recovered what the directory holds, and stops when the test ends. */
  static async start(directory: string, options: Options = {}): Promise<DurableShard> {
    const shard = await DurableShard.open(directory, options);
    onTestFinished(async () => shard.stop());
    return shard;
  }

  /** The same, stopped by whoever opens it: a test that opens thousands would hold them all. */
  static async open(directory: string, options: Options = {}): Promise<DurableShard> {
    const shard = new DurableShard(directory, options);
    for (const [id, spec] of Object.entries(options.queues ?? { 1: {} })) {
      shard.driver.declare(Number(id), spec);
    }
    await shard.storage.recover(options.orphans ?? []);
    shard.acceptor.open(CHANNEL, CONNECTION);
    shard.turn();
    return shard;
  }

  get report(): RecoveryReport {
    const notice = this.driver.notices.find(({ kind }) => kind === 'recovered');
    return (notice as { report: RecoveryReport }).report;
  }

  get lost(): number {
    return this.storage.report().lost;
  }

  queue(id: number): Queue {
    return this.driver.state.queues.get(id)!;
  }

  publish(queues: readonly number[], body: string | Buffer, message: Message = {}): void {
    const { lane = LANE_SYNCED, isPersistent = lane !== LANE_MEMORY, priority, ...rest } = message;
    const code = priority === undefined ? 0 : priorityCode(priority);
    const flags = (isPersistent ? PERSISTENT_FLAG : 0) | (code << PRIORITY_SHIFT);
    const bytes = Buffer.from(body);
    if (bytes.length <= INLINE_BYTES_MAX) {
      this.acceptor.publish(queues, { ...rest, flags, lane, body: bytes.toString() });
      return;
    }
    const data = Buffer.concat([Buffer.from(rest.props ?? ''), bytes]);
    const slabPage = this.slab.allocate(data.length);
    if (slabPage === NO_PAGE) throw new Error('the slab of the test is full');
    const cursor = new SlabCursor();
    cursor.open(this.slab.slab, slabPage);
    for (let done = 0; done < data.length; ) {
      const count = cursor.next(data.length - done);
      data.copy(this.slab.slab.bytes, cursor.at, done, done + count);
      done += count;
    }
    this.acceptor.publish(queues, { ...rest, flags, lane, slabPage, bodyBytes: bytes.length });
  }

  /** One round: what was written is worked on, and what the shard sent is taken over. */
  turn(): void {
    this.driver.run();
    for (const record of this.acceptor.receive()) this.take(record);
    this.acceptor.flush();
  }

  /** Rounds until `isDone`, with the log's callbacks in between. */
  async until(isDone: () => boolean): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      this.turn();
      if (isDone()) return;
      if (round % 8 === 7) await delay(1);
      else await eventLoopTurn();
    }
    throw new Error('the shard does not get there');
  }

  /** Until everything is on the disk. */
  async synced(): Promise<void> {
    await this.until(() => this.storage.shardLog.isIdle);
    this.turn();
  }

  /** Deliveries so far, each once. */
  deliveries(): Arrived[] {
    return this.arrived.splice(0);
  }

  /** Dead letters so far, each once. */
  forwards(): Forwarded[] {
    return this.forwarded.splice(0);
  }

  /** Until `count` deliveries have come; these. */
  async delivered(count: number): Promise<Arrived[]> {
    await this.until(() => this.arrived.length >= count);
    return this.arrived.splice(0, count);
  }

  /** Consumes without acks until the queue is empty: its messages. */
  async drain(queue: number): Promise<Arrived[]> {
    this.turn();
    const count = this.queue(queue).ready.length;
    const consumer = 1_000_000 + queue;
    this.acceptor.consume(queue, CHANNEL, consumer, { noAck: true });
    const all = await this.delivered(count);
    this.acceptor.cancel(CHANNEL, consumer);
    await this.until(() => this.queue(queue).consumers.size === 0);
    return all;
  }

  /** What basic.get brings. */
  async get(queue: number, noAck = false): Promise<Arrived | number> {
    const request = this.acceptor.get(queue, CHANNEL, noAck);
    let reply: Arrived | number | undefined;
    await this.until(() => {
      const at = this.arrived.findIndex(
        ({ kind, address }) => kind === 'got' && address === request,
      );
      if (at >= 0) [reply] = this.arrived.splice(at, 1);
      const said = this.replies.find((one) => one.kind === 'reply' && one.request === request);
      if (said?.kind === 'reply') reply = said.status;
      return reply !== undefined;
    });
    return reply!;
  }

  /** The directory as a process that dies now leaves it. */
  crash(): string {
    const copy = freshDirectory();
    // A file may be renamed or go while the others are copied; what is gone is not copied.
    for (let tries = 0; ; tries += 1) {
      try {
        cpSync(this.directory, copy, { recursive: true });
        return copy;
      } catch (error) {
        rmSync(copy, { recursive: true, force: true });
        if (tries === 20) throw error;
      }
    }
  }

  /** A new shard on what a crash leaves, with the same queues. */
  async crashed(options: Partial<Options> = {}): Promise<DurableShard> {
    return DurableShard.start(this.crash(), { ...this.options, ...options });
  }

  /** A clean stop and a new start. */
  async restarted(options: Partial<Options> = {}): Promise<DurableShard> {
    await this.stop();
    return DurableShard.start(this.directory, { ...this.options, ...options });
  }

  async stop(): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    this.driver.run();
    await this.driver.state.stop();
  }

  private take(record: FromShard): void {
    if (record.kind === 'slab-free') this.slab.release(record.page);
    else if (record.kind === 'forward') this.forwarded.push(record);
    else if (record.kind !== 'deliver' && record.kind !== 'got') this.replies.push(record);
    else {
      this.acceptor.credit(CONNECTION, record.costBytes);
      this.arrived.push(this.withBody(record));
    }
  }

  private withBody(record: Delivered): Arrived {
    const { slab } = record;
    if (slab === null) return { ...record, body: Buffer.from(record.body) };
    const cursor = new SlabCursor();
    const { bytes } = this.slabs[slab.owner];
    cursor.open(this.slabs[slab.owner], slab.page);
    const data = Buffer.alloc(slab.propsBytes + slab.bodyBytes);
    for (let done = 0; done < data.length; ) {
      const count = cursor.next(data.length - done);
      bytes.copy(data, done, cursor.at, cursor.at + count);
      done += count;
    }
    this.acceptor.release(slab.message);
    const props = data.toString('utf8', 0, slab.propsBytes);
    return { ...record, props, body: data.subarray(slab.propsBytes) };
  }
}

/** A body of so many bytes that says whose it is, and in large ones which part. */
export function bodyOf(id: number, bytes: number): Buffer {
  const body = Buffer.alloc(bytes, `${id}.`);
  for (let at = 4096; at + 8 <= bytes; at += 4096) body.write(String(at).padStart(8), at);
  return body;
}

/** All records of a log directory, without looking at checkpoints. */
export async function recordsIn(directory: string): Promise<Entry[]> {
  const nothing = (): void => undefined;
  const log = openLog(
    { directory, segmentBytes: SEGMENT_BYTES, spareSegments: 0, memories: [], readOnly: true },
    {
      onProgress: nothing,
      onRead: nothing,
      onPacked: nothing,
      onSpace: nothing,
      onFailure: nothing,
    },
    'portable',
  );
  const entries: Entry[] = [];
  for (const segment of log.inventory().segments) {
    entries.push(...entriesOf(await log.scan(segment), segment));
  }
  await log.close();
  return entries;
}
