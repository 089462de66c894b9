// Delayed messages: a message with a delay (message-delay.ts) goes to the companion queue of the
// exchange first, and through the bindings when its time has come. An exchange does so by its type,
// x-delayed-message, which routes as the type in its argument x-delayed-type (RabbitMQ's plugin
// rabbitmq_delayed_message_exchange), or by policy: key delayed-message, ours, for any type.
// Checked in main, run in each thread that keeps a replica.
import type { BindingSpec, ExchangeSpec, QueueSpec } from '../change.ts';
import { companionName, DELAY_COMPANION } from '../companion.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { ExchangeType, QueueTable } from '../exchange-type.ts';
import { delayMillisOf } from '../message-delay.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';
import { UnknownTypeMatcher } from './unknown-type.ts';

const NAME = 'x-delayed-message';
const TYPE_ARGUMENT = 'x-delayed-type';

/** In front of any other matcher. */
export class DelayingMatcher implements ExchangeMatcher {
  /** Headers decide whether a message is delayed. */
  readonly isCacheable = false;
  readonly isAskedOnce: boolean;
  private readonly inner: ExchangeMatcher;
  private readonly delayName: string;
  private readonly queues: QueueTable;

  constructor(exchange: string, inner: ExchangeMatcher, queues: QueueTable) {
    this.isAskedOnce = inner.isAskedOnce;
    this.inner = inner;
    this.delayName = companionName('delay', exchange);
    this.queues = queues;
  }

  bind(binding: Binding): void {
    this.inner.bind(binding);
  }

  unbind(binding: Binding): void {
    this.inner.unbind(binding);
  }

  /** What is delayed counts as routed: not returned, nor given to the alternate exchange. */
  match(routingKey: string, message: RoutedMessage, sink: MatchSink): void {
    const delayed =
      delayMillisOf(message.headers) > 0 ? this.queues.get(this.delayName) : undefined;
    if (delayed === undefined) this.inner.match(routingKey, message, sink);
    else sink.found(delayed);
  }
}

/** `typeNamed` is the registry, which has this type too. */
export function delayedMessageType(
  typeNamed: (name: string) => ExchangeType | undefined,
): ExchangeType {
  const innerOf = ({ arguments: args }: ExchangeSpec): ExchangeType | undefined => {
    const name = Object.hasOwn(args, TYPE_ARGUMENT) ? args[TYPE_ARGUMENT] : undefined;
    return typeof name === 'string' && name !== NAME ? typeNamed(name) : undefined;
  };
  return {
    name: NAME,
    description: 'Delays messages by their header x-delay, then routes as x-delayed-type says',
    create(spec: ExchangeSpec, queues: QueueTable): ExchangeMatcher {
      const inner = innerOf(spec);
      // It came with a plugin that is gone.
      if (inner === undefined) return new UnknownTypeMatcher();
      return new DelayingMatcher(spec.name, inner.create(spec, queues), queues);
    },
    validate(spec: ExchangeSpec): string | undefined {
      const inner = innerOf(spec);
      if (inner !== undefined) return inner.validate?.(spec);
      return `Invalid argument, '${TYPE_ARGUMENT}' must be an existing exchange type`;
    },
    validateBinding(
      binding: BindingSpec,
      exchange: ExchangeSpec,
      queue: QueueSpec | undefined,
    ): string | undefined {
      return innerOf(exchange)?.validateBinding?.(binding, exchange, queue);
    },
    companions: (spec) => [...(innerOf(spec)?.companions?.(spec) ?? []), DELAY_COMPANION],
  };
}
