// Test support: a random client population against one shard, and what it must observe. The model knows
// for each (queue, message) whether it waits, is held by somebody, or is settled; a record of the shard
// that contradicts it fails the test at once.
import { expect } from 'vitest';
import { deliveryCostBytes, STATUS_EMPTY } from '../../../shards/mailbox/from-shard-layout.ts';
import {
  OUTCOME_ACK,
  OUTCOME_REJECT,
  OUTCOME_REQUEUE,
} from '../../../shards/mailbox/to-shard-layout.ts';
import { readyHandles } from '../../../shards/queue/paging.ts';
import type { Queue } from '../../../shards/queue/queue.ts';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import type { Random } from '../../fuzz/session-bytes.ts';
import type { AcceptorSide, Delivered, FromShard } from './acceptor-side.ts';
import type { ShardDriver } from './shard-driver.ts';

const QUEUES = [1, 2, 3];
/** Limits that nothing reaches: what they count is what is there. */
const BYTES_LIMIT = { 'x-max-length-bytes': 1e9 };
const ARGUMENTS: Readonly<Record<number, FieldTable>> = {
  2: BYTES_LIMIT,
  3: { ...BYTES_LIMIT, 'x-max-priority': 2 },
};
const CHANNELS = 4;
const CONNECTIONS = 2;

/** What became of one message in one queue. */
interface Copy {
  readonly id: number;
  state: 'waiting' | 'held' | 'settled';
  deliveries: number;
}

interface Held {
  readonly number: number;
  readonly copy: Copy;
}

interface Channel {
  readonly id: number;
  readonly connection: number;
  readonly consumers: Map<number, { readonly queue: number; readonly noAck: boolean }>;
  readonly held: Held[];
  /** The request whose answer it awaits; nothing else is sent meanwhile. */
  waitsFor: number;
  get: { readonly queue: number; readonly noAck: boolean } | undefined;
}

export class RandomWalk {
  private readonly driver: ShardDriver;
  private readonly random: Random;
  private readonly acceptor: AcceptorSide;
  private readonly copies = new Map<number, Map<number, Copy>>();
  private channels: Channel[] = [];
  /** By request: what its reply means. */
  private readonly closing = new Map<number, Channel>();
  private readonly cancelling = new Map<number, number>();
  private readonly consumerChannels = new Map<number, Channel>();
  private readonly lastFirst = new Map<number, number>();
  private readonly slabPages = new Set<number>();
  private readonly releases: number[] = [];
  private readonly credits: [number, number][] = [];
  private readonly purged = new Map<number, number>();
  private readonly purges = new Map<number, number>();
  private readonly deliveredBytes = new Map<number, number>();
  private lastId = 0;
  private lastChannel = 0;
  private lastConsumer = 0;

  constructor(driver: ShardDriver, random: Random) {
    this.driver = driver;
    this.random = random;
    this.acceptor = driver.acceptor;
    for (const queue of QUEUES) {
      driver.declare(queue, { arguments: ARGUMENTS[queue] ?? {} });
      this.copies.set(queue, new Map());
      this.lastFirst.set(queue, 0);
      this.purged.set(queue, 0);
    }
    for (let i = 0; i < CHANNELS; i += 1) this.openChannel();
  }

  get publishedCount(): number {
    return this.lastId;
  }

  step(): void {
    const { random } = this;
    const kind = random.below(100);
    if (kind < 45) this.publish();
    else if (kind < 50) this.consume();
    else if (kind < 52) this.cancel();
    else if (kind < 70) this.settleSome();
    else if (kind < 75) this.get();
    else if (kind < 76) this.closeChannel();
    else if (kind < 77) this.purge();
    else if (kind < 85) this.giveBack();
    else if (kind < 93) this.turn();
    else this.receive();
  }

  /** One turn with everything sent so far. */
  turn(): void {
    this.acceptor.flush();
    this.driver.shard.turn();
    this.checkBytes();
  }

  /** The bytes of unacked messages, counted one by one, are those that the queues say. */
  private checkBytes(): void {
    const { ports, queues, store, consumers } = this.driver.state;
    const counted = new Map([...queues.values()].map((queue) => [queue, 0]));
    for (const { unacked } of ports[0].channels.values()) {
      for (const number of unacked.keys()) {
        unacked.find(number);
        const { queue } = consumers.at(unacked.c);
        const bytes = store.exrkBytes(unacked.a) + store.propsBytes(unacked.a);
        counted.set(queue, counted.get(queue)! + bytes + store.bodyBytes(unacked.a));
      }
    }
    let vhostBytes = 0;
    for (const [queue, bytes] of counted) {
      expect([queue.id, queue.unackedBytes]).toEqual([queue.id, bytes]);
      expect(queue.readyBytes > 0).toBe(queue.ready.length > 0);
      vhostBytes += queue.heldBytes;
      if (queue.id === 1) continue;
      const ready = readyHandles(queue);
      const limited = ready.reduce((sum, handle) => sum + store.bodyBytes(handle), 0);
      const said = [queue.ready.length, queue.rules.limitedBytes];
      expect([queue.id, ready.length, limited]).toEqual([queue.id, ...said]);
    }
    expect(this.driver.state.memories.of('/').bytes).toBe(vhostBytes);
  }

  /** Everybody leaves; fresh consumers drain all queues. */
  finish(): void {
    this.quiesce();
    for (const channel of this.channels) this.startClosing(channel);
    this.quiesce();
    this.channels = [];
    this.openChannel();
    const [channel] = this.channels;
    const readyBytes = this.queues().map((queue) => queue.readyBytes);
    this.deliveredBytes.clear();
    for (const queue of QUEUES) this.startConsuming(channel, queue, { noAck: false });
    for (;;) {
      this.quiesce();
      if (channel.held.length === 0) break;
      for (const held of channel.held.splice(0)) this.settle(channel, held, OUTCOME_ACK);
    }
    for (const queue of QUEUES) {
      const copies = [...this.copies.get(queue)!.values()];
      const left = copies.filter(({ state }) => state !== 'settled');
      expect(left.map(({ state }) => state)).toEqual(left.map(() => 'waiting'));
      expect([queue, left.length]).toEqual([queue, this.purged.get(queue)]);
    }
    // Every message that was ready has been delivered once: together they are what was counted.
    expect(QUEUES.map((queue) => this.deliveredBytes.get(queue) ?? 0)).toEqual(readyBytes);
    expect(this.queues().map(({ heldBytes }) => heldBytes)).toEqual(QUEUES.map(() => 0));
    const { store, memories } = this.driver.state;
    expect(memories.of('/').bytes).toBe(0);
    expect([store.messageCount, store.slabMessageCount, store.liveBytes]).toEqual([0, 0, 0]);
    expect([...this.slabPages]).toEqual([]);
    expect(this.acceptor.confirmed).toBe(this.lastId);
  }

  private queues(): Queue[] {
    return QUEUES.map((queue) => this.driver.state.queues.get(queue)!);
  }

  // --- what clients do ------------------------------------------------------------------------

  private publish(): void {
    const { random, acceptor } = this;
    if (acceptor.work.freeBytes() < 4096) return;
    const id = this.lastId + 1;
    this.lastId = id;
    const queues = QUEUES.filter(() => random.chance(50));
    if (queues.length === 0) queues.push(random.pick(QUEUES));
    for (const queue of queues) {
      this.copies.get(queue)!.set(id, { id, state: 'waiting', deliveries: 0 });
    }
    const exrk = `#${id}`;
    if (random.chance(15)) {
      this.slabPages.add(id);
      acceptor.publish(queues, { exrk, slabPage: id, bodyBytes: 5000 });
    } else acceptor.publish(queues, { exrk, body: 'b'.repeat(random.pick([0, 3, 50, 900])) });
  }

  private consume(): void {
    const channel = this.freeChannel();
    if (channel === undefined || channel.consumers.size > 3) return;
    const { random } = this;
    const noAck = random.chance(25);
    const prefetch = noAck ? 0 : random.pick([0, 1, 5]);
    const priority = random.pick([0, 0, 1]);
    this.startConsuming(channel, random.pick(QUEUES), { noAck, prefetch, priority });
  }

  private startConsuming(
    channel: Channel,
    queue: number,
    options: { noAck: boolean; prefetch?: number; priority?: number },
  ): void {
    this.lastConsumer += 1;
    channel.consumers.set(this.lastConsumer, { queue, noAck: options.noAck });
    this.consumerChannels.set(this.lastConsumer, channel);
    this.acceptor.consume(queue, channel.id, this.lastConsumer, options);
  }

  private cancel(): void {
    const channel = this.freeChannel();
    const [consumer] = channel?.consumers.keys() ?? [];
    if (channel === undefined || consumer === undefined) return;
    channel.waitsFor = this.acceptor.cancel(channel.id, consumer);
    this.cancelling.set(channel.waitsFor, consumer);
  }

  private settleSome(): void {
    const channel = this.freeChannel();
    if (channel === undefined) return;
    const { random } = this;
    const outcome = random.pick([OUTCOME_ACK, OUTCOME_ACK, OUTCOME_REJECT, OUTCOME_REQUEUE]);
    for (let count = random.below(8); count > 0 && channel.held.length > 0; count -= 1) {
      const [held] = channel.held.splice(random.below(channel.held.length), 1);
      this.settle(channel, held, outcome);
    }
  }

  private settle(channel: Channel, { number, copy }: Held, outcome: number): void {
    expect(copy.state).toBe('held');
    copy.state = outcome === OUTCOME_REQUEUE ? 'waiting' : 'settled';
    this.acceptor.ack(channel.id, number, 1, outcome);
  }

  private get(): void {
    const channel = this.freeChannel();
    if (channel === undefined) return;
    const get = { queue: this.random.pick(QUEUES), noAck: this.random.chance(30) };
    channel.get = get;
    channel.waitsFor = this.acceptor.get(get.queue, channel.id, get.noAck);
  }

  private purge(): void {
    const queue = this.random.pick(QUEUES);
    this.purges.set(this.acceptor.purge(queue), queue);
  }

  private openChannel(): void {
    this.lastChannel += 1;
    const connection = 1 + (this.lastChannel % CONNECTIONS);
    const channel = {
      id: this.lastChannel,
      connection,
      consumers: new Map(),
      held: [],
      waitsFor: 0,
      get: undefined,
    };
    this.channels.push(channel);
    this.acceptor.open(channel.id, connection, this.random.pick([-1, -1, 10]));
  }

  private closeChannel(): void {
    const channel = this.freeChannel();
    if (channel === undefined) return;
    this.startClosing(channel);
    this.channels = this.channels.filter((other) => other !== channel);
    this.openChannel();
  }

  private startClosing(channel: Channel): void {
    channel.waitsFor = this.acceptor.closeChannel(channel.id);
    this.closing.set(channel.waitsFor, channel);
  }

  /** Credit and slab releases come back whenever the socket gets to it. */
  private giveBack(): void {
    for (const message of this.releases.splice(0)) this.acceptor.release(message);
    for (const [connection, bytes] of this.credits.splice(0)) {
      this.acceptor.credit(connection, bytes);
    }
  }

  private freeChannel(): Channel | undefined {
    const channel = this.random.pick(this.channels);
    return channel.waitsFor === 0 ? channel : undefined;
  }

  // --- what the shard says --------------------------------------------------------------------

  receive(): number {
    const records = this.acceptor.receive();
    for (const record of records) this.take(record);
    return records.length;
  }

  /** Until nothing more comes, with all credit given back. */
  private quiesce(): void {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      this.giveBack();
      this.turn();
      if (this.receive() > 0) quiet = -1;
    }
  }

  private take(record: FromShard): void {
    switch (record.kind) {
      case 'deliver':
        return this.delivered(record);
      case 'got':
        return this.got(record);
      case 'reply':
        return this.replied(record.request, record.status, record.a);
      case 'slab-free':
        if (!this.slabPages.delete(record.page)) throw new Error('a slab page was freed twice');
        return;
      case 'consumer-gone':
      case 'ack-timeout':
      case 'pace':
      case 'forward':
        throw new Error(`unexpected ${record.kind}`);
    }
  }

  private delivered(record: Delivered): void {
    const channel = this.consumerChannels.get(record.address);
    const consumer = channel?.consumers.get(record.address);
    if (channel === undefined || consumer === undefined) {
      throw new Error(`a delivery for consumer ${record.address}, which has gone`);
    }
    this.arrived(record, channel, consumer.queue, consumer.noAck);
  }

  private got(record: Delivered): void {
    const channel = this.channels.find(({ waitsFor }) => waitsFor === record.address)!;
    const { queue, noAck } = channel.get!;
    channel.waitsFor = 0;
    this.arrived(record, channel, queue, noAck);
  }

  private arrived(record: Delivered, channel: Channel, queue: number, noAck: boolean): void {
    const copy = this.copies.get(queue)!.get(Number(record.exrk.slice(1)));
    if (copy === undefined) throw new Error(`${record.exrk} does not belong to queue ${queue}`);
    // Settled or held by another: delivered twice at once.
    expect([record.exrk, copy.state]).toEqual([record.exrk, 'waiting']);
    expect([record.exrk, record.isRedelivered]).toEqual([record.exrk, copy.deliveries > 0]);
    if (copy.deliveries === 0) {
      expect(copy.id).toBeGreaterThan(this.lastFirst.get(queue)!);
      this.lastFirst.set(queue, copy.id);
    }
    copy.deliveries += 1;
    copy.state = noAck ? 'settled' : 'held';
    if (!noAck) channel.held.push({ number: record.number, copy });
    this.credits.push([channel.connection, record.costBytes]);
    const inlineBytes = record.exrk.length + record.props.length + record.body.length;
    const bytes =
      record.slab === null ? inlineBytes : record.costBytes - deliveryCostBytes(0, 0, 0);
    this.deliveredBytes.set(queue, (this.deliveredBytes.get(queue) ?? 0) + bytes);
    if (record.slab !== null) {
      expect(record.slab).toMatchObject({ owner: 0, page: copy.id });
      this.releases.push(record.slab.message);
    }
  }

  private replied(request: number, status: number, count: number): void {
    const purge = this.purges.get(request);
    if (purge !== undefined) {
      this.purged.set(purge, this.purged.get(purge)! + count);
      return;
    }
    const closed = this.closing.get(request);
    if (closed !== undefined) {
      closed.consumers.clear();
      for (const { copy } of closed.held.splice(0)) copy.state = 'waiting';
      return;
    }
    const channel = this.channels.find(({ waitsFor }) => waitsFor === request);
    // consume-ok: the channel of this model does not wait for it.
    if (channel === undefined) return;
    channel.waitsFor = 0;
    const cancelled = this.cancelling.get(request);
    if (cancelled === undefined) expect(status).toBe(STATUS_EMPTY);
    else channel.consumers.delete(cancelled);
  }
}
