// x-local-random: as x-random, for queues on the node that the publisher is connected to
// (https://www.rabbitmq.com/docs/local-random-exchange). All queues are on the one node there is.
// Bindings have an empty key and lead to classic queues; both checks and their texts are RabbitMQ's
// (rabbit_exchange_type_local_random). Checked in main, run in each thread that keeps a replica.
import type { BindingSpec, ExchangeSpec, QueueSpec } from '../change.ts';
import type { ExchangeType } from '../exchange-type.ts';
import { RandomMatcher } from './random.ts';

export const localRandomType: ExchangeType = {
  name: 'x-local-random',
  description: 'Sends each message to one queue of the node, chosen by chance',
  create: () => new RandomMatcher(),
  validateBinding(
    { routingKey }: BindingSpec,
    _exchange: ExchangeSpec,
    queue: QueueSpec | undefined,
  ): string | undefined {
    if (routingKey !== '') {
      return `Non empty binding '${routingKey}' key not permitted (bind with an empty key)`;
    }
    if (queue === undefined) return 'Destination not found (only queues can be bound)';
    const type = queue.arguments['x-queue-type'];
    if (type === undefined || type === 'classic') return undefined;
    return `Queue type rabbit_${String(type)}_queue not valid for this exchange type`;
  },
};
