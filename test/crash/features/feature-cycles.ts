// Test process. The proof that queues with a time to live, limits, dead letters, delays and priorities
// lose nothing that was confirmed: lives of one broker on one data directory under load, each ended by
// kill -9 at some moment; now and then everything is drained, and the ledger judges.
//
// The first life ends in order while dead letters are underway, and nothing was cut off before: then no
// message may come twice either.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from 'amqplib';
import type { BrokerProcess, LaunchOptions, Launcher } from '../broker-process.ts';
import { MessagePlan, seededRandom, USUAL_MIX } from '../message-plan.ts';
import { LaneClients } from './lane-clients.ts';
import { declareLanes, type Habit, LANES, QUEUES } from './lanes.ts';
import { Ledger } from './ledger.ts';

const BATCH_MAX = 12;
const LIFE_MILLIS_MIN = 300;
const STOP_SHARE = 0.15;
const CONSUMED_SHARE = 0.8;
const POLL_MILLIS = 50;
/** Longer than the longest delay: without anything new in this time it will not come. */
const IDLE_MILLIS_MAX = 12_000;
const STILL_POLLS = 4;
const DRAIN_PREFETCH = 200;
const LEFT_MILLIS = 500;

/** Some bodies lie in slabs, few in many pieces. */
const MIX = { ...USUAL_MIX, largePerMillion: 4000, hugePerMillion: 300, smallBytesMax: 4096 };

export interface FeatureSettings {
  readonly seed: number;
  readonly launch: Launcher;
  readonly options: LaunchOptions;
  readonly cycles: number;
  readonly drainEvery: number;
  readonly lifeMillisMax: number;
  /** Messages per lane and ten milliseconds. */
  readonly batchMax?: number;
}

/** Throws at the first violation, with the cycle and the broker's last words. */
export async function featureCycles(
  settings: FeatureSettings,
  say: (line: string) => void,
): Promise<Ledger> {
  const run = new FeatureRun(settings);
  const began = performance.now();
  for (let cycle = 1; cycle <= settings.cycles; cycle += 1) {
    const isLast = cycle === settings.cycles;
    try {
      await run.cycle(cycle, isLast);
    } catch (error) {
      throw new Error(`cycle ${cycle}: ${(error as Error).message}`, { cause: error });
    }
    if (!run.ledger.isClean) {
      const words = run.lastOutput.slice(-2000);
      throw new Error(`cycle ${cycle}:\n${run.ledger.report()}\nthe broker said:\n${words}`);
    }
    if (!run.hasDrained) continue;
    const seconds = Math.round((performance.now() - began) / 1000);
    say(`cycle ${cycle}, ${seconds} s: ${featureSummary(run.ledger)}`);
  }
  return run.ledger;
}

function featureSummary({ counts, violations }: Ledger): string {
  return (
    `${counts.published} published, ${counts.confirmed} confirmed, ${counts.nacked} refused, ` +
    `${counts.found} found, ${counts.recovered} unconfirmed ones among them; ` +
    `${counts.repeated} came again, ${counts.elsewhere} in a second place; ` +
    `${violations.lost} lost, ${violations.unexpected} unexpected, ${violations.refused} refused`
  );
}

class FeatureRun {
  readonly ledger = new Ledger(LANES);
  hasDrained = false;
  lastOutput = '';
  readonly #settings: FeatureSettings;
  readonly #plan: MessagePlan;
  readonly #random: () => number;

  constructor(settings: FeatureSettings) {
    this.#settings = settings;
    this.#plan = new MessagePlan(settings.seed, MIX);
    this.#random = seededRandom(settings.seed);
  }

  async cycle(cycle: number, isLast: boolean): Promise<void> {
    const { drainEvery, lifeMillisMax } = this.#settings;
    const random = this.#random;
    const millis = LIFE_MILLIS_MIN + random() * (lifeMillisMax - LIFE_MILLIS_MIN);
    const isOrderly = cycle === 1 || random() < STOP_SHARE;
    await this.#loadedLife(millis, cycle === 1, isOrderly);
    this.hasDrained = cycle === 1 || isLast || cycle % drainEvery === 0;
    if (!this.hasDrained) return;
    await this.#drainedLife();
    if (isLast) await this.#emptyLife();
  }

  async #loadedLife(millis: number, isFirst: boolean, isOrderly: boolean): Promise<void> {
    await this.#life(isOrderly ? 'stop' : 'kill', async (clients) => {
      const channel = await (await clients.connect()).createChannel();
      if (isFirst) await declareLanes(channel);
      await clients.consumeAll(this.#consumers(isFirst));
      await clients.startPublishing();
      await sleep(millis);
      if (!isOrderly) {
        this.ledger.isStrict = false;
        return;
      }
      await clients.stopPublishing();
      await clients.stopConsuming();
    });
  }

  /** Now and then nobody consumes from a queue. */
  #consumers(isFirst: boolean): { name: string; habit: Habit; prefetch: number }[] {
    const random = this.#random;
    return QUEUES.filter(
      ({ habit }) => habit !== undefined && (isFirst || random() < CONSUMED_SHARE),
    ).map(({ name, habit }) => ({ name, habit, prefetch: 5 + Math.floor(random() * 60) }));
  }

  async #drainedLife(): Promise<void> {
    await this.#life('stop', async (clients) => {
      await clients.consumeAll(
        QUEUES.map(({ name }) => ({ name, habit: 'ack', prefetch: DRAIN_PREFETCH })),
      );
      const channel = await (await clients.connect()).createChannel();
      await this.#untilDrained(clients, channel);
      await clients.stopConsuming();
      this.ledger.drained();
    });
  }

  async #untilDrained(clients: LaneClients, channel: Channel): Promise<void> {
    let received = -1;
    let changedAt = performance.now();
    for (let still = 0; still < STILL_POLLS; ) {
      const left = await readyMessages(channel);
      const isStill = left === 0 && clients.received === received;
      still = isStill && this.ledger.missing() === 0 ? still + 1 : 0;
      if (clients.received !== received) changedAt = performance.now();
      if (performance.now() - changedAt > IDLE_MILLIS_MAX) return;
      ({ received } = clients);
      await sleep(POLL_MILLIS);
    }
  }

  /** Nothing comes back after a drain and a stop in order, but delays that are still on. */
  async #emptyLife(): Promise<void> {
    await this.#life('stop', async (clients) => {
      const channel = await (await clients.connect()).createChannel();
      await sleep(LEFT_MILLIS);
      for (const { name } of QUEUES) {
        const { messageCount } = await channel.checkQueue(name);
        if (messageCount > 0 && name !== 'delayed') {
          this.ledger.unexpected(name, `${messageCount} messages after a drain`);
        }
      }
    });
  }

  async #life(
    ending: 'kill' | 'stop',
    work: (clients: LaneClients) => Promise<void>,
  ): Promise<void> {
    const broker = this.#settings.launch(this.#settings.options);
    const clients = new LaneClients(
      broker,
      this.#plan,
      this.ledger,
      this.#settings.batchMax ?? BATCH_MAX,
    );
    try {
      if (!(await broker.ready())) throw new Error('the broker did not start');
      await work(clients);
      if (broker.hasExited) throw new Error('the broker has ended by itself');
      await this.#end(broker, ending);
    } catch (error) {
      const words = broker.output.slice(-3000);
      throw new Error(`${(error as Error).message}; the broker said:\n${words}`, { cause: error });
    } finally {
      await broker.kill();
      this.lastOutput = broker.output;
      await clients.end();
    }
  }

  async #end(broker: BrokerProcess, ending: 'kill' | 'stop'): Promise<void> {
    const { code, signal } = ending === 'kill' ? await broker.kill() : await broker.stop();
    const isRight = ending === 'kill' ? signal === 'SIGKILL' : code === 0;
    if (!isRight) throw new Error(`the broker ended with code ${code}, signal ${signal}`);
  }
}

async function readyMessages(channel: Channel): Promise<number> {
  let sum = 0;
  for (const { name } of QUEUES) sum += (await channel.checkQueue(name)).messageCount;
  return sum;
}
