// Collects what the threads report, for listings and metrics. Main thread. Each question is
// answered by each thread that is asked, in its own time.
import type { AcceptorNotice, AcceptorReport } from '../acceptor/control-messages.ts';
import type {
  ConsumerReport,
  DelayedAction,
  DelayedAnswer,
  ShardControl,
  ShardNotice,
  ShardReport,
} from '../../shards/mailbox/control-messages.ts';
import type { BrokerThread } from './broker-thread.ts';

export interface BrokerReport {
  /** By shard and by acceptor. */
  readonly shards: readonly ShardReport[];
  readonly acceptors: readonly AcceptorReport[];
}

type Report = ShardReport | AcceptorReport | readonly ConsumerReport[] | DelayedAnswer;
/** Without its number. */
type Question = { readonly [Kind in ShardControl['kind']]: Unnumbered<Kind> }[
  | 'report'
  | 'consumers'
  | 'delayed'];
type Unnumbered<Kind> = Omit<Extract<ShardControl, { readonly kind: Kind }>, 'request'>;

export class Reports {
  private readonly shards: readonly BrokerThread<ShardNotice>[];
  private readonly acceptors: readonly BrokerThread<AcceptorNotice>[];
  private readonly waiting: Map<number, (report: Report) => void>;
  private next: number;

  constructor(
    shards: readonly BrokerThread<ShardNotice>[],
    acceptors: readonly BrokerThread<AcceptorNotice>[],
  ) {
    this.shards = shards;
    this.acceptors = acceptors;
    this.waiting = new Map();
    this.next = 1;
  }

  answered(request: number, report: Report): void {
    this.waiting.get(request)?.(report);
    this.waiting.delete(request);
  }

  /** What every thread holds, within a few milliseconds of now. */
  async collect(): Promise<BrokerReport> {
    const [shards, acceptors] = await Promise.all([
      Promise.all(this.shards.map((thread) => this.ask(thread) as Promise<ShardReport>)),
      Promise.all(this.acceptors.map((thread) => this.ask(thread) as Promise<AcceptorReport>)),
    ]);
    return { shards, acceptors };
  }

  /** All consumers there are. */
  async consumers(): Promise<ConsumerReport[]> {
    const asked = this.shards.map((thread) => this.ask(thread, { kind: 'consumers' }));
    return ((await Promise.all(asked)) as ConsumerReport[][]).flat();
  }

  /** Has something done with the messages of a queue that holds back what its exchange delays. */
  async delayed(
    { id, shard }: { readonly id: number; readonly shard: number },
    action: DelayedAction,
  ): Promise<DelayedAnswer> {
    const question = { kind: 'delayed', queueId: id, action } as const;
    return (await this.ask(this.shards[shard], question)) as DelayedAnswer;
  }

  private ask(
    thread: Pick<BrokerThread<never>, 'send'>,
    question: Question = { kind: 'report' },
  ): Promise<Report> {
    const request = this.next;
    this.next += 1;
    return new Promise((resolve) => {
      this.waiting.set(request, resolve);
      thread.send({ ...question, request } as never);
    });
  }
}
