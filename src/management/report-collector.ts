// Collects the threads' reports for as many requests as want them. Main thread.
// Invariants: at most one collection is under way, however many clients ask; a request sees only
// what was collected after it came, so that "publish, confirm, look" finds the message.
//
//     request A  ---> [collection 1]
//     request B  -------^ under way: waits for 2   [collection 2] ---> B and C
//     request C  -----------^ waits for 2 as well
import { BrokerSnapshot } from './broker-snapshot.ts';
import { threadsSilent } from './http-refusal.ts';
import type { ThreadReports } from './source.ts';

export class ReportCollector {
  private readonly collectReports: () => Promise<ThreadReports>;
  private readonly waitMillisMax: number;
  private running: Promise<BrokerSnapshot> | undefined;
  private next: Promise<BrokerSnapshot> | undefined;

  constructor(collectReports: () => Promise<ThreadReports>, waitMillisMax: number) {
    this.collectReports = collectReports;
    this.waitMillisMax = waitMillisMax;
  }

  /** Rejects with a refusal when a thread is silent for too long. */
  async snapshot(): Promise<BrokerSnapshot> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(threadsSilent(this.waitMillisMax)), this.waitMillisMax);
    });
    try {
      return await Promise.race([this.fresh(), silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  private fresh(): Promise<BrokerSnapshot> {
    if (this.running === undefined) return this.start();
    this.next ??= this.running.then(
      () => this.start(),
      () => this.start(),
    );
    return this.next;
  }

  private start(): Promise<BrokerSnapshot> {
    this.next = undefined;
    this.running = this.collectReports().then((reports) => new BrokerSnapshot(reports));
    const over = (): void => {
      // With others waiting, the next collection takes this one's place by itself.
      if (this.next === undefined) this.running = undefined;
    };
    this.running.then(over, over);
    return this.running;
  }
}
