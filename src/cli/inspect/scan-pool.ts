// The threads that check the files of logs, and the order in which what they found comes back: that
// of the files, with only a few ahead, so that memory is bounded however large the store is. Main
// thread.
import { Piscina } from 'piscina';
import type { ScanAnswer, ScanTask } from './scan-worker.ts';

/** The worker is loaded from the sources in development and from the compiled file otherwise. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const WORKER_FILE = new URL(`./scan-worker${EXTENSION}`, import.meta.url);
/** Files under way and waiting, per thread. */
const AHEAD = 2;

export class ScanPool {
  private readonly pool: Piscina<ScanTask, ScanAnswer>;
  private readonly threads: number;
  private readonly onScanned: () => void;

  /** `onScanned` is called after each file. */
  constructor(threads: number, onScanned: () => void) {
    this.threads = threads;
    this.onScanned = onScanned;
    this.pool = new Piscina({
      filename: WORKER_FILE.href,
      name: 'scanFile',
      minThreads: 1,
      maxThreads: threads,
    });
  }

  async scan(task: ScanTask): Promise<ScanAnswer> {
    const answer = await this.pool.run(task);
    this.onScanned();
    return answer;
  }

  /** In the order of the tasks. */
  async *inOrder<Task extends ScanTask>(
    tasks: Iterable<Task>,
  ): AsyncGenerator<readonly [Task, ScanAnswer]> {
    const underway: { task: Task; answer: Promise<ScanAnswer> }[] = [];
    for (const task of tasks) {
      const { directory, kind, number } = task;
      const answer = this.scan({ directory, kind, number });
      // Whoever waits for it gets the error.
      answer.catch(() => undefined);
      underway.push({ task, answer });
      if (underway.length < this.threads * AHEAD) continue;
      const next = underway.shift()!;
      yield [next.task, await next.answer];
    }
    for (const { task, answer } of underway) yield [task, await answer];
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }
}
