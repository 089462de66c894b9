// x-random: each message goes to one binding, chosen by chance; a destination bound several times
// (with other keys or arguments) is chosen that much more often. RabbitMQ:
// rabbitmq_random_exchange. Runs in each thread that keeps a replica, for every message.
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { ExchangeType } from '../exchange-type.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding } from '../topology-node.ts';

export class RandomMatcher implements ExchangeMatcher {
  readonly isCacheable = false;
  readonly isAskedOnce = true;
  private readonly bindings: Binding[] = [];
  private readonly places = new Map<Binding, number>();

  bind(binding: Binding): void {
    this.places.set(binding, this.bindings.length);
    this.bindings.push(binding);
  }

  /** The last binding takes the place of the one that goes. */
  unbind(binding: Binding): void {
    const place = this.places.get(binding);
    if (place === undefined) return;
    const last = this.bindings.pop()!;
    this.places.delete(binding);
    if (last === binding) return;
    this.bindings[place] = last;
    this.places.set(last, place);
  }

  match(_routingKey: string, _message: RoutedMessage, sink: MatchSink): void {
    const { bindings } = this;
    if (bindings.length === 0) return;
    sink.found(bindings[Math.floor(Math.random() * bindings.length)].destination);
  }
}

export const randomType: ExchangeType = {
  name: 'x-random',
  description: 'Sends each message to one binding, chosen by chance',
  create: () => new RandomMatcher(),
};
