// What one shard owns: its queues, its consumers, its messages, and the ways in and out. Shard
// thread. Only the methods here create and delete queues.
import type { Change, QueueSpec } from '../src/routing/change.ts';
import type { Consumer } from './consumer/consumer.ts';
import { ConsumerTable } from './consumer/consumer-table.ts';
import type { Mailbox, ShardBoot, ShardNotice } from './mailbox/control-messages.ts';
import { Port } from './port.ts';
import { FlowGovernor } from './queue/flow-governor.ts';
import { Deadlines } from './time/deadlines.ts';
import { Forwards } from './deadletter/forwards.ts';
import { Queue, type QueueSurroundings } from './queue/queue.ts';
import { RunList } from './queue/run-list.ts';
import { NO_LIMIT_BYTES } from './queue/vhost-memory.ts';
import { durabilityOf } from '../src/routing/durability.ts';
import { Storage } from './log/storage.ts';
import { LANE_MEMORY, laneOf } from './mailbox/confirm-counter.ts';
import { Residency } from './store/residency.ts';
import { DoorbellRinger } from './ring/doorbell.ts';
import { MemoryStore } from './store/memory-store.ts';
import type { MessageStore } from './store/message-store.ts';
import { VhostMemories } from './vhost-memories.ts';

export class ShardState {
  readonly queues: Map<number, Queue>;
  readonly consumers: ConsumerTable;
  readonly store: MessageStore;
  readonly runList: RunList;
  /** By acceptor. */
  readonly ports: readonly Port[];
  readonly governor: FlowGovernor;
  readonly memories: VhostMemories;
  readonly residency: Residency;
  readonly deadlines: Deadlines;
  readonly forwards: Forwards;
  /** In which deliveries have to be acked; 0 = any time. */
  readonly consumerTimeoutMillis: number;
  /** Undefined: nothing is kept on disk. */
  readonly storage: Storage | undefined;
  private readonly boot: ShardBoot;
  private readonly notifyMain: (notice: ShardNotice) => void;

  constructor(boot: ShardBoot, notifyMain: (notice: ShardNotice) => void) {
    const { settings } = boot;
    this.queues = new Map();
    this.consumers = new ConsumerTable();
    this.runList = new RunList();
    this.notifyMain = notifyMain;
    this.ports = boot.mailboxes.map((mailbox: Mailbox, acceptor) => {
      const doorbell = new DoorbellRinger(boot.acceptorDoorbells[acceptor]);
      const { connectionWindowBytes, consumerWindowBytes } = settings;
      return new Port(acceptor, mailbox, doorbell, connectionWindowBytes, consumerWindowBytes);
    });
    this.boot = boot;
    this.store = new MemoryStore((owner, page) => this.freeSlabBody(owner, page));
    this.residency = new Residency(this.store, boot.log?.residentBytesMax ?? NO_LIMIT_BYTES);
    this.deadlines = new Deadlines();
    this.forwards = new Forwards(this.store, this.ports, this.deadlines);
    this.storage = boot.log === undefined ? undefined : new Storage(boot.log, this, notifyMain);
    this.forwards.reads = this.storage?.heldReads;
    this.governor = new FlowGovernor(
      {
        backlogMessages: settings.flowBacklogMessages,
        rateFloor: settings.flowPublishRateFloor,
        queueBudgetBytes: settings.queueBudgetBytes || NO_LIMIT_BYTES,
      },
      this.ports.map((port) => port.outlet),
    );
    this.memories = new VhostMemories(settings);
    this.consumerTimeoutMillis = settings.consumerTimeoutMillis;
  }

  private get surroundings(): QueueSurroundings {
    const { store, runList, residency, storage, deadlines, forwards } = this;
    const log = storage?.shardLog;
    const readAhead = storage?.readAhead;
    const slabs = storage?.slabs ?? [];
    const expireQueue = (queue: Queue): void => {
      this.deleteQueue(queue);
      this.announceGone(queue);
    };
    const rules = { deadlines, forwards, expireQueue };
    return { store, runList, residency, log, readAhead, slabs, ...rules };
  }

  /** Applies topology changes that concern this shard's queues. */
  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'queue-declared') this.declareQueue(change.vhost, change.queue);
      // An exclusive queue whose connection ended; one deleted here first is gone already.
      else if (change.kind === 'queue-deleted') {
        const queue = this.queues.get(change.queue.id);
        if (queue !== undefined) this.deleteQueue(queue);
      } else if (change.kind === 'queue-updated') {
        const queue = this.queues.get(change.queue.id);
        if (queue === undefined) continue;
        queue.spec = change.queue;
        queue.rules.update(change.queue);
      }
    }
  }

  private declareQueue(vhost: string, spec: QueueSpec): void {
    if (this.queues.has(spec.id)) return;
    const memory = this.memories.of(vhost);
    memory.queueCount += 1;
    const { log } = this.boot;
    const lane = log === undefined ? LANE_MEMORY : laneOf(durabilityOf(spec, log.durability));
    const queue = new Queue(spec, vhost, lane, this.surroundings, memory);
    if (queue.delayed !== undefined && lane !== LANE_MEMORY) {
      queue.depot = this.storage?.depotFor(queue, queue.delayed);
    }
    this.queues.set(spec.id, queue);
    queue.rules.used();
  }

  private freeSlabBody(owner: number, page: number): void {
    if (owner < this.ports.length) this.ports[owner].outlet.slabFree(page);
    else this.storage!.slab.release(page);
  }

  /** Main hears soon what is held here now. Call once per turn. */
  memoryChanged(): void {
    this.memories.changed(this.store, this.notifyMain);
  }

  /**
   * Deletes a queue with its messages; unacked ones are dropped when their acks or their channel's
   * end come. Its consumers end, and their clients are told. Returns the ready messages dropped.
   */
  deleteQueue(queue: Queue): number {
    const dropped = queue.purge();
    queue.rules.stop();
    queue.isDeleted = true;
    queue.memory.queueCount -= 1;
    this.queues.delete(queue.id);
    for (const consumer of [...queue.consumers]) {
      this.consumers.end(consumer);
      consumer.channel.outlet.consumerGone(consumer.id);
    }
    return dropped;
  }

  /** Removes one consumer at its client's wish; an auto-delete queue goes with its last one. */
  removeConsumer(consumer: Consumer): void {
    const { queue } = consumer;
    this.consumers.end(consumer);
    queue.rules.used();
    if (!queue.spec.autoDelete || queue.isDeleted || queue.consumers.size > 0) return;
    this.deleteQueue(queue);
    this.announceGone(queue);
  }

  /** After the last turn: nothing happens by itself any more, and what is durable is on disk. */
  async stop(): Promise<void> {
    this.deadlines.stop();
    await this.storage?.stop();
  }

  /** Tells main that the queue deleted here is to be forgotten everywhere. */
  announceGone(queue: Queue): void {
    this.notifyMain({ kind: 'queue-gone', queueId: queue.id });
  }
}
