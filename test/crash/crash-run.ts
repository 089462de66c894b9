// Test process. A run of many lives of one broker on one data directory: what it is made of, how each
// life begins, is loaded and ends. The runners (kill-cycles.ts and others) string lives together.
// Invariants: one broker at a time; the checker hears of a broker's end before the next one starts.
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerProcess, LaunchOptions, Launcher } from './broker-process.ts';
import { type CheckedMessages, Checker } from './checker.ts';
import type { ConsumerSettings } from './crash-consumer.ts';
import { drainAll } from './drain.ts';
import { type MessageMix, MessagePlan, seededRandom, USUAL_MIX } from './message-plan.ts';
import { Parties } from './parties.ts';
import { declareAll, readyInAll } from './topology.ts';

export type Ending = 'kill' | 'stop';

export interface RunSettings {
  readonly seed: number;
  readonly launch: Launcher;
  readonly options: LaunchOptions;
  readonly publishers: number;
  readonly mix?: MessageMix;
  /** What a rival is forgiven. */
  readonly leniency?: Pick<CheckedMessages, 'tolerated' | 'ackUnsureMillis'>;
  /** How long declarations may take to become durable: nothing with WarrenMQ. */
  readonly declarationMillis?: number;
}

const BACKLOG_MAX = 60_000;
/** So much longer a life may be while everybody still connects. */
const CONNECT_MILLIS_MAX = 1000;
/** A broker that is killed while it starts gets this long. */
const EARLY_KILL_MILLIS_MAX = 600;

export class CrashRun {
  readonly settings: RunSettings;
  readonly plan: MessagePlan;
  readonly checker: Checker;
  readonly random: () => number;
  /** Of the last broker that was started. */
  lastOutput = '';
  #starts = 0;
  #isDeclared = false;

  constructor(settings: RunSettings) {
    this.settings = settings;
    this.plan = new MessagePlan(settings.seed, settings.mix ?? USUAL_MIX);
    const { plan } = this;
    this.checker = new Checker({
      publishers: settings.publishers,
      targets: (publisher, number) => plan.targets(publisher, number),
      isPersistent: (publisher, number) => plan.isPersistent(publisher, number),
      ...settings.leniency,
    });
    this.random = seededRandom(settings.seed);
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  /** Starts a broker that must come up. */
  async start(overrides: Partial<LaunchOptions> = {}): Promise<BrokerProcess> {
    const broker = this.launch(overrides);
    if (!(await broker.ready())) {
      this.lastOutput = broker.output;
      throw new Error(`the broker did not start:\n${broker.output.slice(-2000)}`);
    }
    return broker;
  }

  /** Starts a broker and kills it, most likely before it is ready: recovery must bear that, too. */
  async startAndKill(): Promise<void> {
    const broker = this.launch({});
    await sleep(this.random() * EARLY_KILL_MILLIS_MAX);
    await this.end(broker, 'kill');
  }

  /** Starts a broker, lets `work` happen and ends the broker, whatever comes. */
  async life(
    ending: Ending,
    overrides: Partial<LaunchOptions> | undefined,
    work: (parties: Parties) => Promise<void>,
  ): Promise<void> {
    const broker = await this.start(overrides);
    const parties = this.parties(broker);
    try {
      await this.declare(parties);
      await Promise.race([work(parties), parties.failure]);
      parties.expectEnd();
      await this.end(broker, ending);
    } catch (error) {
      throw await explained(error as Error, broker);
    } finally {
      parties.cutOff();
      await broker.kill();
    }
  }

  /** Publishers and consumers of all sorts for some time, then the broker's end. */
  async loadedLife(millis: number, ending: Ending, launch?: Partial<LaunchOptions>): Promise<void> {
    await this.life(ending, launch, async (parties) => {
      const loading = this.load(parties);
      // An end while they still connect is as good as any.
      loading.catch(() => undefined);
      await Promise.race([loading.then(() => sleep(millis)), sleep(millis + CONNECT_MILLIS_MAX)]);
    });
  }

  /** Publishers alone. */
  async filledLife(millis: number, ending: Ending, launch?: Partial<LaunchOptions>): Promise<void> {
    await this.life(ending, launch, async (parties) => {
      await this.#publish(parties);
      await sleep(millis);
    });
  }

  /** Full drain and verdict; the broker is then stopped or killed. */
  async drainedLife(ending: Ending, launch?: Partial<LaunchOptions>): Promise<void> {
    await this.life(ending, launch, async (parties) => {
      await drainAll(parties, this.plan.queues);
      this.checker.drained();
    });
  }

  parties(broker: BrokerProcess): Parties {
    return new Parties(broker.url, this.plan, this.checker);
  }

  /** The first time; afterwards everything must still be there. */
  async declare(parties: Parties): Promise<void> {
    const control = await parties.control();
    if (this.#isDeclared) await readyInAll(control, this.plan.queues);
    else await declareAll(control, this.plan.mix);
    if (!this.#isDeclared) await sleep(this.settings.declarationMillis ?? 0);
    this.#isDeclared = true;
    await control.close();
  }

  async end(broker: BrokerProcess, ending: Ending): Promise<void> {
    const millis = performance.now();
    const { code, signal } = ending === 'kill' ? await broker.kill() : await broker.stop();
    // What was in the sockets is read meanwhile.
    await sleep(1);
    this.checker.lifeEnded(millis);
    this.lastOutput = broker.output;
    const isRight = ending === 'kill' ? signal === 'SIGKILL' : code === 0 || signal === 'SIGTERM';
    if (!isRight) throw new Error(`the broker ended with code ${code}, signal ${signal}`);
  }

  async #publish(parties: Parties): Promise<void> {
    const joining = Array.from({ length: this.settings.publishers }, async (_, index) => {
      const window = Math.round(this.between(100, 800));
      const publisher = await parties.addPublisher({ index, window, backlogMax: BACKLOG_MAX });
      publisher.start();
    });
    await Promise.all(joining);
  }

  /** Connects publishers and consumers of all sorts, who then go on until they are cut off. */
  async load(parties: Parties): Promise<void> {
    const { random } = this;
    const idleQueue = Math.floor(random() * this.plan.mix.queues * 2);
    const consumers = this.plan.queues
      .filter((queue) => queue !== idleQueue)
      .flatMap((queue) => this.#consumersOf(queue));
    const joining = consumers.map((settings) => parties.addConsumer(settings, random));
    await Promise.all([...joining, this.#publish(parties)]);
  }

  launch(overrides: Partial<LaunchOptions>): BrokerProcess {
    this.#starts += 1;
    const options = { ...this.settings.options, ...overrides };
    // Every life loses other sectors.
    const faults = options.faults?.replace('SEED', String(this.settings.seed + this.#starts));
    return this.settings.launch({ ...options, faults });
  }

  #consumersOf(queue: number): ConsumerSettings[] {
    const { random } = this;
    const ackGroup = Math.ceil(2 ** this.between(0, 6));
    const prefetch = ackGroup + Math.round(this.between(50, 900));
    const plain = { queue, prefetch, ackGroup, requeueShare: 0.03, holds: false, strict: false };
    const consumers: ConsumerSettings[] = [plain];
    if (random() < 0.3) consumers.push({ ...plain, ackGroup: 1, requeueShare: 0, prefetch: 20 });
    if (random() < 0.3) consumers.push({ ...plain, holds: true, prefetch: 30 });
    return consumers;
  }
}

/** With the broker's own words, when it ended by itself. */
async function explained(error: Error, broker: BrokerProcess): Promise<Error> {
  await sleep(50);
  const fate = broker.hasExited ? 'the broker has ended' : 'the broker lives';
  return new Error(`${error.message}; ${fate}:\n${broker.output.slice(-3000)}`, { cause: error });
}
