// Test process. The clients of the feature proof: a publisher per lane, with confirms or transactions,
// and a consumer per queue. They use amqplib, and the test client where amqplib has no words
// (transactions). They end with the broker, whatever they are doing then.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, connect, type ConsumeMessage } from 'amqplib';
import { RawClient } from '../../support/raw-client.ts';
import type { RawChannel } from '../../support/raw-channel.ts';
import { type MessagePlan, STAMP_BYTES } from '../message-plan.ts';
import { type Habit, isRolledBack, LANES, type Lane } from './lanes.ts';
import type { Ledger } from './ledger.ts';

/** So many connections carry all consumers. */
const CONSUMING = 3;
const PAUSE_MILLIS = 10;
const WINDOW = 150;
const TRANSACTION_MAX = 10;

/** Where a broker listens, on the loopback interface. */
interface Address {
  readonly url: string;
  readonly port: number;
}

export class LaneClients {
  readonly #broker: Address;
  readonly #plan: MessagePlan;
  readonly #ledger: Ledger;
  readonly #connections: ChannelModel[] = [];
  readonly #consuming: ChannelModel[] = [];
  readonly #publishing: Promise<void>[] = [];
  readonly #batchMax: number;
  #isStopping = false;
  received = 0;

  /** Each lane publishes up to `batchMax` messages every ten milliseconds. */
  constructor(broker: Address, plan: MessagePlan, ledger: Ledger, batchMax: number) {
    this.#batchMax = batchMax;
    this.#broker = broker;
    this.#plan = plan;
    this.#ledger = ledger;
  }

  async connect(): Promise<ChannelModel> {
    const connection = await connect(this.#broker.url);
    // Their end is what this proof is about.
    connection.on('error', () => undefined);
    this.#connections.push(connection);
    return connection;
  }

  async startPublishing(): Promise<void> {
    const connections = [await this.connect(), await this.connect()];
    for (const [index, lane] of LANES.entries()) {
      if (lane.isTransacted === true) {
        this.#publishing.push(this.#publishTransactions(lane, index));
        continue;
      }
      const channel = await connections[index % connections.length].createConfirmChannel();
      channel.on('error', () => undefined);
      this.#publishing.push(this.#publish(channel, lane, index));
    }
  }

  /** No new publishes; resolves when all that were sent are settled. */
  async stopPublishing(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#publishing);
  }

  /** Politely: close-ok comes when all acks have been processed. */
  async stopConsuming(): Promise<void> {
    await Promise.all(this.#consuming.splice(0).map((connection) => connection.close()));
  }

  /** Whether the broker is still there or not. */
  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#publishing);
    const closing = this.#connections.splice(0).map((connection) => connection.close());
    await Promise.allSettled(closing);
  }

  /** Consumers on queues, by what they do. */
  async consumeAll(
    queues: readonly { name: string; habit: Habit; prefetch: number }[],
  ): Promise<void> {
    const opening = Array.from({ length: CONSUMING }, () => this.connect());
    const connections = await Promise.all(opening);
    this.#consuming.push(...connections);
    const starting = queues.map(({ name, habit, prefetch }, index) =>
      this.#consume(connections[index % CONSUMING], name, habit, prefetch),
    );
    await Promise.all(starting);
  }

  async #consume(
    connection: ChannelModel,
    queue: string,
    habit: Habit,
    prefetch: number,
  ): Promise<void> {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    await channel.prefetch(prefetch);
    await channel.consume(queue, (message) => {
      if (message === null) return;
      this.received += 1;
      const found = this.#identify(queue, message);
      const number = found?.number ?? 0;
      if (habit === 'reject-half' && number % 2 === 1) channel.nack(message, false, false);
      else if (habit === 'give-back' && number % 3 > 0) channel.nack(message, false, true);
      else {
        channel.ack(message);
        if (found !== undefined) this.#ledger.found(queue, found.lane, found.number);
      }
    });
  }

  /** Which message it is; undefined when it is none of ours, or not whole. */
  #identify(queue: string, message: ConsumeMessage): { lane: number; number: number } | undefined {
    const { content, properties } = message;
    if (content.length < STAMP_BYTES) {
      this.#ledger.unexpected(queue, `a body of ${content.length} bytes`);
      return undefined;
    }
    const lane = content.readUInt32LE(0);
    const number = content.readUInt32LE(4);
    if (!this.#ledger.mayBeIn(queue, lane, number)) {
      this.#ledger.unexpected(queue, `message ${number} of lane ${lane}`);
      return undefined;
    }
    const { name } = LANES[lane];
    if (!content.equals(this.#body(lane, number))) {
      this.#ledger.unexpected(queue, `message ${number} of ${name} with a wrong body`);
      return undefined;
    }
    const expected = LANES[lane].properties(number);
    const isDead = properties.headers?.['x-death'] !== undefined;
    if (properties.deliveryMode !== 2 || properties.priority !== expected.priority) {
      this.#ledger.unexpected(queue, `message ${number} of ${name} with other properties`);
    } else if (isDead !== isDeadIn(LANES[lane], queue)) {
      this.#ledger.unexpected(queue, `message ${number} of ${name}, dead: ${isDead},`);
    }
    return { lane, number };
  }

  #body(lane: number, number: number): Buffer {
    const bytes = this.#plan.bodyBytes(lane, number);
    const from = this.#plan.poolOffset(lane, number);
    const body = Buffer.from(this.#plan.pool.subarray(from, from + bytes));
    this.#plan.writeStamp(body, 0, lane, number, bytes);
    return body;
  }

  async #publish(channel: ConfirmChannel, lane: Lane, index: number): Promise<void> {
    let unsettled = 0;
    const state = { isOver: false };
    channel.on('close', () => {
      state.isOver = true;
    });
    while (!state.isOver && (!this.#isStopping || unsettled > 0)) {
      for (
        let count = 0;
        count < this.#batchMax && !this.#isStopping && !state.isOver;
        count += 1
      ) {
        if (unsettled >= WINDOW) break;
        const number = this.#ledger.published(index);
        unsettled += 1;
        const settled = (error: Error | null): void => {
          unsettled -= 1;
          if (error === null) this.#ledger.confirmed(index, number);
          else if (error.message === 'message nacked') this.#ledger.nacked(index, number);
        };
        const body = this.#body(index, number);
        try {
          channel.publish(lane.exchange, lane.key(number), body, lane.properties(number), settled);
        } catch {
          return;
        }
      }
      await sleep(PAUSE_MILLIS);
    }
  }

  async #publishTransactions(lane: Lane, index: number): Promise<void> {
    try {
      const client = await RawClient.open({ host: '127.0.0.1', port: this.#broker.port });
      const channel = await client.channel();
      await channel.call('tx.select');
      for (let count = 0; !this.#isStopping; count += 1) {
        await this.#transaction(channel, lane, index, count);
        await sleep(PAUSE_MILLIS);
      }
      await client.close();
    } catch (error) {
      // The broker's end is the end of this client, and of no other kind of error.
      if (!/closed|socket|ECONN/u.test((error as Error).message)) throw error;
    }
  }

  async #transaction(channel: RawChannel, lane: Lane, index: number, count: number): Promise<void> {
    const numbers: number[] = [];
    for (let size = 1 + (count % TRANSACTION_MAX); size > 0; size -= 1) {
      const number = this.#ledger.published(index);
      numbers.push(number);
      const body = this.#body(index, number);
      channel.publish({ routingKey: lane.key(number) }, body, { deliveryMode: 2 });
    }
    if (isRolledBack(count)) {
      // Also when the answer never comes.
      for (const number of numbers) this.#ledger.rolledBack(index, number);
      await channel.call('tx.rollback');
      return;
    }
    await channel.call('tx.commit');
    for (const number of numbers) this.#ledger.confirmed(index, number);
  }
}

/** A publish of the lane goes to its first place, or by its key; it is dead everywhere else. */
function isDeadIn(lane: Lane, queue: string): boolean {
  return lane.isTransacted !== true && queue !== lane.places[0];
}
