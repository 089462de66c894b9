// One worker thread as main sees it: starting, applying revisions, reports, stopping. Main thread.
// A thread that ends without having been asked has failed, and is not started again.
import { type Transferable, Worker } from 'node:worker_threads';
import type { Change } from '../routing/change.ts';

/**
 * Of V8's memory for new objects, per thread. Its own limit for workers is 192 MiB, which a burst
 * of logins or channels makes it take and keep: with 10,000 idle connections half of the memory
 * was that. Messages make no objects, so their speed does not depend on it.
 */
const YOUNG_GENERATION_MIB_MAX = 24;

/** What every thread says, whatever else it says. */
type CommonNotice =
  | { readonly kind: 'started' }
  | { readonly kind: 'applied'; readonly revision: number }
  | { readonly kind: 'stopped' };

export class BrokerThread<Notice extends { readonly kind: string }> {
  readonly name: string;
  readonly worker: Worker;
  readonly started: Promise<void>;
  /** Rejects when the thread fails; never resolves. */
  readonly failed: Promise<never>;
  /** The newest revision that the thread has applied. */
  appliedRevision: number;
  private readonly onNotice: (notice: Notice) => void;
  private readonly onApplied: () => void;
  private isStopping: boolean;
  private markStopped: () => void;
  private hasEnded: boolean;

  constructor(
    name: string,
    file: URL,
    workerData: unknown,
    onNotice: (notice: Notice) => void,
    onApplied: () => void,
  ) {
    this.name = name;
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB_MAX };
    this.worker = new Worker(file, { name, workerData, resourceLimits });
    this.appliedRevision = 0;
    this.onNotice = onNotice;
    this.onApplied = onApplied;
    this.isStopping = false;
    this.markStopped = () => {};
    this.hasEnded = false;
    this.started = new Promise((resolve) => {
      this.worker.on('message', (notice: Notice | CommonNotice) => this.receive(notice, resolve));
    });
    this.failed = new Promise((_resolve, reject) => {
      this.worker.on('error', (error: Error) => {
        reject(new Error(`${name} failed: ${error.message}`, { cause: error }));
      });
      this.worker.on('exit', (code) => {
        this.hasEnded = true;
        this.markStopped();
        if (!this.isStopping) reject(new Error(`${name} ended unexpectedly with code ${code}`));
      });
    });
    // Looked at by whoever runs the broker; a rejection before that must not end the process.
    this.failed.catch(() => {});
  }

  send(message: { readonly kind: string }, transferred: readonly Transferable[] = []): void {
    this.worker.postMessage(message, transferred);
  }

  apply(revision: number, changes: readonly Change[]): void {
    this.worker.postMessage({ kind: 'apply', revision, changes });
  }

  /** Asks the thread to leave; terminates it if it has not left in time. */
  async stop(message: { readonly kind: 'stop' }, millisMax: number): Promise<void> {
    this.isStopping = true;
    if (this.hasEnded) return;
    const stopped = new Promise<void>((resolve) => {
      this.markStopped = resolve;
    });
    this.send(message);
    const timer = setTimeout(() => void this.worker.terminate(), millisMax);
    await stopped;
    clearTimeout(timer);
  }

  private receive(notice: Notice | CommonNotice, onStarted: () => void): void {
    const common = notice as CommonNotice;
    if (common.kind === 'started') onStarted();
    else if (common.kind === 'applied') {
      this.appliedRevision = common.revision;
      this.onApplied();
    } else if (common.kind === 'stopped') {
      // The thread's exit follows as soon as nothing keeps it alive.
      this.worker.unref();
    } else {
      this.onNotice(notice as Notice);
    }
  }
}
