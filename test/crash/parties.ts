// Test process. The clients of one life of the broker: they connect, load it, and are cut off or leave
// politely. Invariant: a connection that ends while nobody ended it fails the run.
import { LoadConnection, parseEndpoint } from '../../bench/load/connection.ts';
import { type ConsumerSettings, CrashConsumer } from './crash-consumer.ts';
import { CrashPublisher, type PublisherSettings } from './crash-publisher.ts';
import type { Checker, Judge } from './checker.ts';
import type { MessagePlan } from './message-plan.ts';

export class Parties {
  readonly publishers: CrashPublisher[] = [];
  readonly consumers: CrashConsumer[] = [];
  /** Rejects when a client that nobody ended has lost its connection. */
  readonly failure: Promise<never>;
  readonly #url: string;
  readonly #plan: MessagePlan;
  readonly #checker: Checker;
  readonly #judge: Judge;
  readonly #fail: (error: Error) => void;
  #isEnding = false;

  constructor(url: string, plan: MessagePlan, checker: Checker, judge: Judge = checker) {
    this.#url = url;
    this.#plan = plan;
    this.#checker = checker;
    this.#judge = judge;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failure = promise;
    this.failure.catch(() => undefined);
    this.#fail = reject;
  }

  /** A connection with an open channel. */
  async control(): Promise<LoadConnection> {
    const connection = await this.#open();
    await connection.openChannel();
    return connection;
  }

  async addPublisher(settings: PublisherSettings): Promise<CrashPublisher> {
    const publisher = new CrashPublisher(await this.#open(), settings, this.#plan, this.#checker);
    this.publishers.push(publisher);
    await publisher.prepare();
    return publisher;
  }

  async addConsumer(settings: ConsumerSettings, random: () => number): Promise<CrashConsumer> {
    const connection = await this.#open();
    const consumer = new CrashConsumer(connection, settings, this.#plan, this.#judge, random);
    this.consumers.push(consumer);
    await consumer.prepare();
    return consumer;
  }

  /** From now on connections may end: the broker is about to. */
  expectEnd(): void {
    this.#isEnding = true;
  }

  /** After the broker has ended, or to end rudely. */
  cutOff(): void {
    this.#isEnding = true;
    for (const publisher of this.publishers) {
      publisher.stop();
      publisher.connection.destroy();
    }
    for (const consumer of this.consumers) {
      consumer.connection.destroy();
      consumer.end();
    }
  }

  async #open(): Promise<LoadConnection> {
    return await LoadConnection.open(parseEndpoint(this.#url), (error) => {
      if (!this.#isEnding) this.#fail(error);
    });
  }
}
