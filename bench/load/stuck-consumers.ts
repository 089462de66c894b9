// Consumers that never read their sockets, each with a queue of its own that gets a flood of large
// messages, beside the ordinary load: what a broker's other clients feel of them. Generator's
// process.
// Invariants: at most STUCK_BYTES_MAX are published in all, half of it at once and the rest spread
// over the run, so that it works with every broker; a stuck connection that the broker drops is
// counted, not a failure of the run; the measured load shares no queue or connection with these.
import { LoadConnection, type Endpoint } from './connection.ts';
import { consume } from './consuming.ts';
import {
  EMPTY_TABLE,
  METHOD,
  methodFrame,
  publishFrames,
  readU32,
  shortString,
  u16,
  u8,
} from './frames.ts';
import type { LoadOptions } from './options.ts';
import type { StuckResult } from './result.ts';
import { declareQueue, deleteQueue } from './topology.ts';

const STUCK_BYTES_MAX = 64 * 1024 * 1024;
const BODY_BYTES = 64 * 1024;
const MESSAGES_MAX = STUCK_BYTES_MAX / BODY_BYTES;
const TICK_MILLIS = 100;
const PASSIVE = 1;

export class StuckConsumers {
  readonly #control: LoadConnection;
  readonly #publisher: LoadConnection;
  readonly #consumers: readonly LoadConnection[];
  readonly #publishes: readonly Buffer[];
  readonly #timer: NodeJS.Timeout;
  /** Taken by the kernel. */
  #published: number;
  #submitted: number;

  private constructor(
    control: LoadConnection,
    publisher: LoadConnection,
    consumers: readonly LoadConnection[],
    runSeconds: number,
  ) {
    this.#control = control;
    this.#publisher = publisher;
    this.#consumers = consumers;
    this.#publishes = consumers.map(
      (_, index) =>
        publishFrames('', queueOf(index), BODY_BYTES, false, publisher.frameBytesMax).bytes,
    );
    this.#published = 0;
    this.#submitted = 0;
    const started = performance.now();
    const flood = (): void => {
      const passed = Math.min(1, (performance.now() - started) / 1000 / runSeconds);
      this.#publishUpTo(Math.floor((MESSAGES_MAX / 2) * (1 + passed)));
    };
    flood();
    this.#timer = setInterval(flood, TICK_MILLIS);
  }

  static async start(options: LoadOptions, endpoint: Endpoint): Promise<StuckConsumers> {
    const open = async (): Promise<LoadConnection> => {
      const connection = await LoadConnection.open(endpoint, () => undefined);
      await connection.openChannel();
      return connection;
    };
    const control = await open();
    const consumers: LoadConnection[] = [];
    for (let index = 0; index < options.stuckConsumers; index += 1) {
      await control.call(deleteQueue(queueOf(index)), METHOD.queueDeleteOk);
      await control.call(declareQueue(queueOf(index), false), METHOD.queueDeclareOk);
      const consumer = await open();
      await consume(consumer, queueOf(index), 0, true);
      consumer.stopReading();
      consumers.push(consumer);
    }
    const runSeconds = options.warmup + options.duration;
    return new StuckConsumers(control, await open(), consumers, runSeconds);
  }

  /** How they stand; then they go, with their queues. */
  async finish(): Promise<StuckResult> {
    clearInterval(this.#timer);
    let consumersLeft = 0;
    let readyMessages = 0;
    for (const index of this.#consumers.keys()) {
      const fields = [u16(0), shortString(queueOf(index)), u8(PASSIVE), EMPTY_TABLE];
      const inspect = methodFrame(1, METHOD.queueDeclare, ...fields);
      const answer = await this.#control.call(inspect, METHOD.queueDeclareOk);
      // Method id, the queue's name, messages ready, consumers.
      const at = 5 + answer[4];
      readyMessages += readU32(answer, at);
      consumersLeft += readU32(answer, at + 4);
    }
    const publishedBytes = this.#published * BODY_BYTES;
    for (const connection of [this.#publisher, ...this.#consumers]) connection.destroy();
    for (const index of this.#consumers.keys()) {
      await this.#control.call(deleteQueue(queueOf(index)), METHOD.queueDeleteOk);
    }
    await this.#control.close();
    return { consumers: this.#consumers.length, consumersLeft, publishedBytes, readyMessages };
  }

  /** The socket keeps what the broker does not take: at most the whole flood. */
  #publishUpTo(count: number): void {
    for (; this.#submitted < count; this.#submitted += 1) {
      const publish = this.#publishes[this.#submitted % this.#publishes.length];
      this.#publisher.socket.write(publish, (error) => {
        if (!error) this.#published += 1;
      });
    }
  }
}

function queueOf(index: number): string {
  return `warren-bench-stuck-${index}`;
}
