// Test support: random clients of one shard with a log, whose process dies again and again. The
// model knows of every message and queue whether its confirm has come, whether it has been
// delivered, and whether its ack has been sent; what a crash leaves is held against that.
import { expect } from 'vitest';
import { LANE_MEMORY } from '../../../../shards/mailbox/confirm-counter.ts';
import {
  FORWARDED_DONE,
  FORWARDED_FAILED,
  FORWARDED_LATER,
  OUTCOME_ACK,
  OUTCOME_REJECT,
  OUTCOME_REQUEUE,
} from '../../../../shards/mailbox/to-shard-layout.ts';
import type { Random } from '../../../fuzz/session-bytes.ts';
import { checkCounts } from './counted-bytes.ts';
import {
  type Arrived,
  bodyOf,
  CHANNEL,
  DurableShard,
  type Forwarded,
  type Options,
} from './durable-shard.ts';
import {
  DEAD_LETTERS,
  DYING,
  FIRST_PASSING,
  FIXED,
  laneOf,
  levelOf,
  MEMORY,
  WRITE,
} from './walk-queues.ts';

const CONSUMERS = 2;
const SIZES = [0, 10, 100, 900, 4000, 5000, 60_000, 270_000, 600_000];

/** One message in one queue that keeps it. */
interface Copy {
  readonly id: number;
  /** Its publish has been confirmed. */
  isConfirmed: boolean;
  /** Held, requeued: by which delivery number; 0 = waits. */
  held: number;
  /** It was rejected and is on its way: not to be delivered any more, and not to be lost. */
  isDying: boolean;
  /** An ack was sent: in which round; 0 = none. */
  doneRound: number;
}

interface Publish {
  readonly lane: number;
  readonly copies: readonly Copy[];
}

export class DurableWalk {
  shard: DurableShard;
  private readonly random: Random;
  private readonly options: Options;
  private readonly sizes = new Map<number, number>();
  private queues = new Map<number, Map<number, Copy>>();
  /** By lane: publishes whose confirm has not come. */
  private unconfirmed: Publish[][] = [[], [], []];
  private confirmedBefore = [0, 0, 0];
  private lastId = 0;
  private passing = FIRST_PASSING;
  /** Moves when everything that was sent is on the disk. */
  private round = 1;
  private readonly consumers = new Map<number, number>();
  private nextConsumer = 0;
  crashes = 0;
  forwarded = 0;
  found = 0;

  static async start(directory: string, random: Random, options: Options): Promise<DurableWalk> {
    const walk = new DurableWalk(random, options);
    walk.shard = await DurableShard.start(directory, walk.optionsNow());
    for (const queue of [...FIXED, FIRST_PASSING]) walk.queues.set(queue, new Map());
    walk.consume();
    return walk;
  }

  private constructor(random: Random, options: Options) {
    this.random = random;
    this.options = options;
    this.shard = undefined as never;
  }

  async step(): Promise<void> {
    const { random } = this;
    const kind = random.below(1000);
    if (kind < 420) this.publish();
    else if (kind < 600) this.settle();
    else if (kind < 640) await this.get();
    else if (kind < 646) this.purge();
    else if (kind < 650) await this.remove();
    else if (kind < 670) this.moveConsumers();
    else if (kind < 720) this.forward();
    else if (kind < 960) this.turn();
    else if (kind < 985) await this.wait();
    else if (kind < 990) await this.settled();
    else await this.die();
  }

  /** Everything is on the disk: acks sent before this must last. */
  private async settled(): Promise<void> {
    await this.shard.until(() => this.shard.storage.shardLog.isIdle);
    this.confirmations();
    this.deliveries();
    this.round += 1;
  }

  /** A few turns of the event loop, so that the log gets on. */
  private async wait(): Promise<void> {
    let rounds = this.random.below(12);
    await this.shard.until(() => {
      rounds -= 1;
      return rounds < 0;
    });
    this.turn();
  }

  private turn(): void {
    this.shard.turn();
    this.confirmations();
    this.deliveries();
  }

  // --- what clients do --------------------------------------------------------------------------

  private publish(): void {
    const { random } = this;
    for (let count = 1 + random.below(6); count > 0; count -= 1) {
      const all = [...this.queues.keys()];
      const targets = random.chance(25) ? all.filter(() => random.chance(60)) : [random.pick(all)];
      if (targets.length === 0) continue;
      this.lastId += 1;
      const id = this.lastId;
      const size = random.pick(random.chance(90) ? SIZES.slice(0, 6) : SIZES);
      const isPersistent = random.chance(90);
      const lane = isPersistent ? laneOf(targets) : LANE_MEMORY;
      this.sizes.set(id, size);
      const priority = id % 6 === 5 ? undefined : id % 6;
      const traits = {
        exrk: `#${id}`,
        lane,
        isPersistent,
        ...(priority === undefined ? {} : { priority }),
      };
      this.shard.publish(targets, bodyOf(id, size), traits);
      const copies: Copy[] = [];
      for (const queue of targets) {
        if (lane === LANE_MEMORY || queue === 3) continue;
        const copy = { id, isConfirmed: false, held: 0, isDying: false, doneRound: 0 };
        this.queues.get(queue)!.set(id, copy);
        copies.push(copy);
      }
      this.unconfirmed[lane].push({ lane, copies });
      // The rings and the slab have room for so much.
      if (size > 4096) this.turn();
    }
  }

  private consume(): void {
    for (let i = 0; i < CONSUMERS; i += 1) {
      this.nextConsumer += 1;
      const queue = this.random.pick([...this.queues.keys()]);
      const noAck = this.random.chance(15);
      // Prefetch bounds what the test holds of the slab.
      const prefetch = 1 + this.random.below(20);
      this.consumers.set(this.nextConsumer, noAck ? -queue : queue);
      this.shard.acceptor.consume(queue, CHANNEL, this.nextConsumer, { prefetch, noAck });
    }
  }

  private moveConsumers(): void {
    this.turn();
    for (const consumer of [...this.shard.driver.state.queues.values()].flatMap((queue) => [
      ...queue.consumers,
    ])) {
      this.shard.acceptor.cancel(CHANNEL, consumer.id);
    }
    if (this.random.chance(70)) this.consume();
  }

  /** Everything held, or some of it, is settled one way or another. */
  private settle(): void {
    const { random } = this;
    const all = random.chance(20);
    for (const [queue, copies] of this.queues) {
      for (const copy of copies.values()) {
        if (copy.held === 0 || !(all || random.chance(30))) continue;
        const outcome = random.pick([OUTCOME_ACK, OUTCOME_ACK, OUTCOME_REJECT, OUTCOME_REQUEUE]);
        this.shard.acceptor.ack(CHANNEL, copy.held, 1, outcome);
        copy.held = 0;
        if (outcome === OUTCOME_REJECT && queue === DYING) copy.isDying = true;
        else if (outcome !== OUTCOME_REQUEUE) copy.doneRound = this.round;
      }
    }
    this.settleOthers();
  }

  private async get(): Promise<void> {
    const queue = this.random.pick([...this.queues.keys()]);
    const noAck = this.random.chance(30);
    const got = await this.shard.get(queue, noAck);
    if (typeof got === 'object') this.arrived(got, queue, noAck);
    this.confirmations();
    this.deliveries();
  }

  private purge(): void {
    this.turn();
    const queue = this.random.pick([...this.queues.keys()]);
    this.shard.acceptor.purge(queue);
    for (const copy of this.queues.get(queue)!.values()) {
      if (copy.held === 0 && copy.doneRound === 0 && !copy.isDying) copy.doneRound = this.round;
    }
    this.shard.turn();
    // What consumers got in between was delivered before, so it was not purged.
    this.confirmations();
    this.deliveries();
  }

  private async remove(): Promise<void> {
    const queue = this.passing;
    this.shard.acceptor.delete(queue);
    await this.shard.until(() => this.shard.queue(queue) === undefined);
    this.confirmations();
    this.deliveries();
    this.queues.delete(queue);
    this.passing += 1;
    this.shard.driver.declare(this.passing);
    this.queues.set(this.passing, new Map());
  }

  // --- what the shard says ----------------------------------------------------------------------

  private confirmations(): void {
    for (let lane = 0; lane < 3; lane += 1) {
      const count = this.shard.acceptor.confirmedIn(lane);
      const news = count - this.confirmedBefore[lane];
      this.confirmedBefore[lane] = count;
      expect(news).toBeLessThanOrEqual(this.unconfirmed[lane].length);
      for (const { copies } of this.unconfirmed[lane].splice(0, news)) {
        for (const copy of copies) copy.isConfirmed = true;
      }
    }
  }

  private deliveries(): void {
    for (const message of this.shard.deliveries()) {
      if (message.kind === 'got') throw new Error('a get that nobody sent');
      const queue = this.consumers.get(message.address)!;
      this.arrived(message, Math.abs(queue), queue < 0);
    }
  }

  private others: number[] = [];
  private forwards: Forwarded[] = [];

  private arrived(message: Arrived, queue: number, noAck: boolean): void {
    const id = Number(message.exrk.slice(1));
    this.check(message, id);
    const copy = this.queues.get(queue)?.get(id);
    if (copy === undefined) {
      // Transient, or of a queue that is gone.
      if (!noAck) this.others.push(message.number);
      return;
    }
    expect([queue, id, copy.held, copy.doneRound]).toEqual([queue, id, 0, 0]);
    expect([queue, id, copy.isDying]).toEqual([queue, id, false]);
    if (noAck) copy.doneRound = this.round;
    else copy.held = message.number;
  }

  /** Dead letters arrive, or nobody wants them, or there is no room for them now. */
  private forward(): void {
    const { random, shard } = this;
    this.forwards.push(...shard.forwards());
    for (let count = random.below(this.forwards.length + 1); count > 0; count -= 1) {
      const { number, exrk } = this.forwards.shift()!;
      const outcome = random.pick([FORWARDED_DONE, FORWARDED_DONE, FORWARDED_FAILED]);
      const isLater = random.chance(10);
      shard.acceptor.forwarded(number, isLater ? FORWARDED_LATER : outcome);
      const copy = this.queues.get(DYING)!.get(Number(exrk.slice(1)));
      if (isLater || copy === undefined) continue;
      expect([copy.id, copy.isDying, copy.doneRound]).toEqual([copy.id, true, 0]);
      copy.doneRound = this.round;
      this.forwarded += 1;
    }
    this.turn();
    checkCounts(this.shard.driver.state);
  }

  private settleOthers(): void {
    for (const number of this.others.splice(0)) this.shard.acceptor.ack(CHANNEL, number);
  }

  private check(message: Arrived, id: number): void {
    const size = this.sizes.get(id);
    if (size === undefined || !message.body.equals(bodyOf(id, size))) {
      throw new Error(`${message.exrk}, ${message.body.length} bytes: not what was published`);
    }
  }

  // --- crashes ----------------------------------------------------------------------------------

  private optionsNow(): Options {
    const queues = { 1: {}, 2: WRITE, 3: MEMORY, [DYING]: DEAD_LETTERS, [this.passing]: {} };
    return { ...this.options, queues };
  }

  /** What a crash at this moment leaves is right; then life goes on with that, or as if nothing. */
  private async die(): Promise<void> {
    this.confirmations();
    this.crashes += 1;
    const isClean = this.random.chance(15);
    if (isClean) {
      this.turn();
      await this.shard.stop();
      this.confirmations();
      this.deliveries();
      this.round += 1;
    }
    const goesOn = isClean || this.random.chance(60);
    const other = isClean
      ? await DurableShard.start(this.shard.directory, this.optionsNow())
      : await this.shard.crashed(this.optionsNow());
    expect(other.report.corruptRanges).toEqual([]);
    expect(other.lost).toBe(0);
    if (isClean) expect(other.report.isClean).toBe(true);
    if (!goesOn) {
      await this.compare(other);
      await other.stop();
      return;
    }
    // A copy of the copy is drained and compared, the copy itself lives on.
    const drained = await other.crashed(this.optionsNow());
    const left = await this.compare(drained);
    await drained.stop();
    await this.shard.stop();
    this.adopt(other, left);
  }

  /** Drains a recovered shard; by queue, the messages it had. */
  private async compare(shard: DurableShard): Promise<Map<number, number[]>> {
    const left = new Map<number, number[]>();
    for (const [queue, copies] of this.queues) {
      if (queue === 3) continue;
      const messages = await shard.drain(queue);
      const ids = messages.map(({ exrk }) => Number(exrk.slice(1)));
      for (const [i, message] of messages.entries()) this.check(message, ids[i]);
      left.set(queue, ids);
      this.found += ids.length;
      // Each once, in the order of the publishes, and only what was published here.
      const inOrder = [...new Set(ids)].toSorted((a, b) => a - b);
      if (queue === 2) inOrder.sort((a, b) => levelOf(b) - levelOf(a));
      expect(ids).toEqual(inOrder);
      expect(ids.filter((id) => !copies.has(id))).toEqual([]);
      const kept = new Set(ids);
      const missing = [...copies.values()].filter(
        ({ id, isConfirmed, doneRound }) => isConfirmed && doneRound === 0 && !kept.has(id),
      );
      expect([queue, missing]).toEqual([queue, []]);
      const resurrected = ids.filter((id) => {
        const { doneRound } = copies.get(id)!;
        return doneRound > 0 && doneRound < this.round;
      });
      expect([queue, resurrected]).toEqual([queue, []]);
    }
    expect(shard.lost).toBe(0);
    return left;
  }

  /** The recovered shard is the one from now on, with what it has. */
  private adopt(shard: DurableShard, left: ReadonlyMap<number, readonly number[]>): void {
    this.shard = shard;
    this.unconfirmed = [[], [], []];
    this.confirmedBefore = [0, 0, 0];
    this.others = [];
    this.forwards = [];
    this.consumers.clear();
    const queues = [3, ...left.keys()].toSorted((a, b) => a - b);
    this.queues = new Map(
      queues.map((queue) => [
        queue,
        new Map(
          (left.get(queue) ?? []).map((id) => [
            id,
            { id, isConfirmed: true, held: 0, isDying: false, doneRound: 0 },
          ]),
        ),
      ]),
    );
    this.consume();
  }
}
