// Churn: everything a client can open and close, declare and delete, again and again and all kinds
// at once, each kind by its own connections, one operation after the other. Generator's process.
// Invariants: an operation counts when its last answer is in; a loop that fails notes the text,
// connects again and goes on; what the loops declare is deleted at the end.
import { setTimeout as sleep } from 'node:timers/promises';
import { CHURN_KINDS, churnQueues, type ChurnClient, type ChurnKind } from './churn-kinds.ts';
import { LoadConnection, parseEndpoint } from './connection.ts';
import { FailureCount } from './failure-count.ts';
import { METHOD } from './frames.ts';
import { monotonicMillis } from './measuring-window.ts';
import type { LoadOptions } from './options.ts';
import type { ChurnResult } from './result.ts';
import { withoutPassword } from './summary.ts';
import { deleteQueue } from './topology.ts';
import { ownCpuSeconds, type LoadEvent } from './window-samples.ts';

const RETRY_MILLIS = 100;
const FINISH_SECONDS_MAX = 10;

export async function runChurn(
  options: LoadOptions,
  onEvent: (event: LoadEvent) => void,
): Promise<ChurnResult> {
  const failure = Promise.withResolvers<never>();
  const control = await LoadConnection.open(parseEndpoint(options.url), failure.reject);
  await control.openChannel();
  const run = new ChurnRun(options);
  const work = async (): Promise<ChurnResult> => {
    await removeQueues(control, options.workers);
    run.start();
    await sleep(options.warmup * 1000);
    const before = { millis: monotonicMillis(), cpu: ownCpuSeconds(), counts: run.counts() };
    onEvent('window-start');
    await sleep(options.duration * 1000);
    const seconds = (monotonicMillis() - before.millis) / 1000;
    const counts = run.counts();
    const generatorCpuSeconds = ownCpuSeconds() - before.cpu;
    onEvent('window-end');
    await run.finish();
    await removeQueues(control, options.workers);
    await control.close();
    const operations = Object.fromEntries(
      CHURN_KINDS.map(({ name }, index) => {
        const count = counts[index] - before.counts[index];
        return [name, { count, perSecond: count / seconds }];
      }),
    );
    return {
      options: { ...options, url: withoutPassword(options.url) },
      seconds,
      operations,
      generatorCpuSeconds,
      failed: run.failures.count,
      failures: run.failures.texts(),
    };
  };
  return await Promise.race([work(), failure.promise]);
}

async function removeQueues(control: LoadConnection, workers: number): Promise<void> {
  for (let worker = 0; worker < workers; worker += 1) {
    for (const queue of churnQueues(worker)) {
      await control.call(deleteQueue(queue), METHOD.queueDeleteOk);
    }
  }
}

class ChurnRun {
  readonly failures = new FailureCount();
  readonly #options: LoadOptions;
  readonly #counts: Float64Array;
  readonly #clients = new Set<ChurnClient>();
  #loops: Promise<void>[] = [];
  #running = true;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#counts = new Float64Array(CHURN_KINDS.length);
  }

  start(): void {
    this.#loops = CHURN_KINDS.flatMap((kind, index) =>
      Array.from({ length: this.#options.workers }, (_, worker) => this.#loop(kind, index, worker)),
    );
  }

  /** Operations done so far, by kind. */
  counts(): Float64Array {
    return this.#counts.slice();
  }

  /** Lets every loop end its operation; one that does not is a failure. */
  async finish(): Promise<void> {
    this.#running = false;
    let unfinished = this.#loops.length;
    for (const loop of this.#loops) {
      void loop.then(() => {
        unfinished -= 1;
      });
    }
    const deadline = sleep(FINISH_SECONDS_MAX * 1000, undefined, { ref: false });
    await Promise.race([Promise.all(this.#loops), deadline]);
    for (; unfinished > 0; unfinished -= 1) {
      this.failures.note(`an operation did not end within ${FINISH_SECONDS_MAX} s`);
    }
    for (const client of this.#clients) client.connection.destroy();
  }

  async #loop(kind: ChurnKind, index: number, worker: number): Promise<void> {
    let round = 0;
    while (this.#running) {
      try {
        const client = await kind.connect(parseEndpoint(this.#options.url), worker);
        this.#clients.add(client);
        try {
          for (; this.#running; round += 1) {
            await client.operate(round);
            this.#counts[index] += 1;
          }
        } finally {
          this.#clients.delete(client);
          client.connection.destroy();
        }
      } catch (error) {
        this.failures.note(`${kind.name}: ${(error as Error).message}`);
        await sleep(RETRY_MILLIS);
      }
    }
  }
}
