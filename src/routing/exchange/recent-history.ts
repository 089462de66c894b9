// x-recent-history: a fanout that keeps the last messages (argument x-recent-history-length, 20
// without it) for queues bound later; a message whose header x-recent-history-no-store is true is
// not kept. RabbitMQ's plugin of that name (rabbit_exchange_type_recent_history). The history is a
// companion queue with a length limit. Checked in main, run in each thread that keeps a replica.
import type { FieldTable } from '../../protocol/field-table.ts';
import type { ExchangeSpec } from '../change.ts';
import { companionName, type CompanionRequest } from '../companion.ts';
import { DestinationCounts } from '../destination-counts.ts';
import { erlangTerm } from '../erlang-term.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { ExchangeType, QueueTable } from '../exchange-type.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

const LENGTH_ARGUMENT = 'x-recent-history-length';
const NO_STORE_HEADER = 'x-recent-history-no-store';
const LENGTH_DEFAULT = 20;

class RecentHistoryMatcher implements ExchangeMatcher {
  /** Headers decide whether a message is kept. */
  readonly isCacheable = false;
  readonly isAskedOnce = true;
  private readonly destinations = new DestinationCounts();
  private readonly historyName: string;
  private readonly queues: QueueTable;

  constructor(exchange: string, queues: QueueTable) {
    this.historyName = companionName('history', exchange);
    this.queues = queues;
  }

  bind(binding: Binding): void {
    this.destinations.add(binding.destination);
  }

  unbind(binding: Binding): void {
    this.destinations.remove(binding.destination);
  }

  match(_routingKey: string, { headers }: RoutedMessage, sink: MatchSink): void {
    this.destinations.reportTo(sink);
    if (headers !== undefined && isUnstored(headers)) return;
    const history = this.queues.get(this.historyName);
    if (history !== undefined) sink.kept(history);
  }
}

function isUnstored(headers: FieldTable): boolean {
  return Object.hasOwn(headers, NO_STORE_HEADER) && headers[NO_STORE_HEADER] === true;
}

function validate({ arguments: args }: ExchangeSpec): string | undefined {
  if (!Object.hasOwn(args, LENGTH_ARGUMENT)) return undefined;
  const length = args[LENGTH_ARGUMENT];
  if (typeof length === 'bigint' && length > 0n) return undefined;
  if (Number.isInteger(length) && (length as number) > 0) return undefined;
  return (
    `Invalid argument ${erlangTerm(length)}, ` +
    "'x-recent-history-length' must be a positive integer"
  );
}

function companions({ arguments: args }: ExchangeSpec): readonly CompanionRequest[] {
  const length = args[LENGTH_ARGUMENT] ?? LENGTH_DEFAULT;
  return [{ role: 'history', arguments: { 'x-max-length': length } }];
}

export const recentHistoryType: ExchangeType = {
  name: 'x-recent-history',
  description: 'Sends messages to all bindings, and the last ones to queues bound later',
  create: ({ name }, queues) => new RecentHistoryMatcher(name, queues),
  validate,
  companions,
};
