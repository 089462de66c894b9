// Test support: a shard without threads. Its turns are driven by hand, its acceptors are
// `AcceptorSide`s, and what it tells main is kept in `notices`.
import path from 'node:path';
import type { LogBoot, ShardNotice } from '../../../shards/mailbox/control-messages.ts';
import { allocateSlab, type SlabMemory } from '../../../shards/mailbox/slab.ts';
import { allocateDoorbell } from '../../../shards/ring/doorbell.ts';
import { Shard } from '../../../shards/shard.ts';
import { ShardState } from '../../../shards/shard-state.ts';
import type { QueueSpec } from '../../../src/routing/change.ts';
import { AcceptorSide, type Delivered, type FromShard, isDelivery } from './acceptor-side.ts';

export interface DriverOptions {
  readonly acceptors?: number;
  readonly ringBytes?: number;
  readonly windowBytes?: number;
  readonly connectionWindowBytes?: number;
  readonly consumerTimeoutMillis?: number;
  readonly flowBacklogMessages?: number;
  readonly flowPublishRateFloor?: number;
  readonly queueBudgetBytes?: number;
  readonly vhostBudgetBytes?: number;
  /** With a log: call `state.storage.recover` before anything else. */
  readonly log?: DriverLog;
}

export type DriverLog = Partial<LogBoot> & {
  readonly directory: string;
  readonly slabBytes?: number;
  readonly shardSlabBytes?: number;
};

const MIB = 1024 * 1024;

/** More turns than any test needs: a shard that is still busy then spins. */
const TURNS_MAX = 1000;

export class ShardDriver {
  readonly acceptors: readonly AcceptorSide[];
  readonly acceptorDoorbells: readonly SharedArrayBuffer[];
  readonly state: ShardState;
  readonly shard: Shard;
  readonly notices: ShardNotice[] = [];
  /** The acceptors', then the shard's own; none without a log. */
  readonly slabs: readonly SlabMemory[];

  constructor(options: DriverOptions = {}) {
    const { acceptors = 1, ringBytes = 64 * 1024 } = options;
    this.acceptors = Array.from({ length: acceptors }, () => new AcceptorSide(ringBytes));
    this.acceptorDoorbells = this.acceptors.map(() => allocateDoorbell());
    this.slabs = options.log === undefined ? [] : slabsOf(acceptors, options.log);
    const boot = {
      log: options.log === undefined ? undefined : logBoot(options.log, this.slabs),
      settings: {
        shard: 0,
        connectionWindowBytes: options.connectionWindowBytes ?? options.windowBytes ?? 1024 * 1024,
        consumerWindowBytes: options.windowBytes ?? 1024 * 1024,
        consumerTimeoutMillis: options.consumerTimeoutMillis ?? 0,
        flowBacklogMessages: options.flowBacklogMessages ?? 1_000_000,
        flowPublishRateFloor: options.flowPublishRateFloor ?? 1,
        queueBudgetBytes: options.queueBudgetBytes ?? 0,
        vhostBudgetBytes: options.vhostBudgetBytes ?? 0,
        spinMicros: 0,
      },
      doorbell: allocateDoorbell(),
      mailboxes: this.acceptors.map((acceptor) => acceptor.mailbox),
      acceptorDoorbells: this.acceptorDoorbells,
    };
    this.state = new ShardState(boot, (notice) => this.notices.push(notice));
    this.shard = new Shard(this.state);
  }

  /** The only acceptor, or the first. */
  get acceptor(): AcceptorSide {
    return this.acceptors[0];
  }

  declare(id: number, more: Partial<QueueSpec> = {}): void {
    const queue = {
      id,
      shard: 0,
      name: `q${id}`,
      durable: true,
      autoDelete: false,
      exclusiveOwner: 0,
      arguments: {},
      ...more,
    };
    this.state.apply([{ kind: 'queue-declared', vhost: '/', queue }]);
  }

  /** Shows the shard what was written and lets it run until it would sleep. */
  run(): void {
    for (const acceptor of this.acceptors) acceptor.flush();
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      if (!this.shard.turn() && !this.shard.hasInput()) return;
    }
    throw new Error(`the shard is still busy after ${TURNS_MAX} turns`);
  }

  /** `run`, then everything that the (first) acceptor got. */
  exchange(): FromShard[] {
    this.run();
    return this.acceptor.receive();
  }

  /** `exchange`, the deliveries only. */
  deliveries(): Delivered[] {
    return this.exchange().filter(isDelivery);
  }

  bodies(): string[] {
    return this.deliveries().map(({ body }) => body);
  }

  /** A get that is answered at once: the message, or the status of the reply. */
  get(queue: number, channel: number, noAck = false): Delivered | number {
    const request = this.acceptor.get(queue, channel, noAck);
    for (const record of this.exchange()) {
      if (record.kind === 'got' && record.address === request) return record;
      if (record.kind === 'reply' && record.request === request) return record.status;
    }
    throw new Error('the get was not answered');
  }

  /** The reply to a request that was just written. */
  reply(request: number): { status: number; a: number; b: number } {
    for (const record of this.exchange()) {
      if (record.kind === 'reply' && record.request === request) return record;
    }
    throw new Error(`request ${request} was not answered`);
  }

  /** Ready messages and consumers. */
  counts(queue: number): { ready: number; consumers: number } {
    const { a, b } = this.reply(this.acceptor.stat(queue));
    return { ready: a, consumers: b };
  }
}

function slabsOf(acceptors: number, log: DriverLog): SlabMemory[] {
  const { slabBytes = 16 * MIB, shardSlabBytes = 16 * MIB } = log;
  const ofAcceptors = Array.from({ length: acceptors }, () => allocateSlab(slabBytes));
  return [...ofAcceptors, allocateSlab(shardSlabBytes)];
}

function logBoot(log: DriverLog, slabs: readonly SlabMemory[]): LogBoot {
  return {
    backend: 'portable',
    segmentBytes: MIB,
    spareSegments: 1,
    reserveBytes: 0,
    durability: 'fsync',
    residentBytesMax: 1024 * MIB,
    inlineBytesMax: 4096,
    slabs,
    slabOwner: slabs.length - 1,
    depotDirectory: path.join(log.directory, 'delayed'),
    ...log,
  };
}
