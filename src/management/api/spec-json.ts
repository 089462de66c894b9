// Exchanges and bindings as they were declared, in RabbitMQ's words: what listings and exported
// definitions say alike. Main thread, pure.
import type { BindingSpec, ExchangeSpec } from '../../routing/change.ts';
import { tableJson } from '../table-json.ts';

export function exchangeSpecJson(vhost: string, exchange: ExchangeSpec): object {
  return {
    name: exchange.name,
    vhost,
    type: exchange.type,
    durable: exchange.durable,
    auto_delete: exchange.autoDelete,
    internal: exchange.internal,
    arguments: tableJson(exchange.arguments),
  };
}

export function bindingSpecJson(vhost: string, binding: BindingSpec): object {
  return {
    source: binding.source,
    vhost,
    destination: binding.destination,
    destination_type: binding.destinationKind,
    routing_key: binding.routingKey,
    arguments: tableJson(binding.arguments),
  };
}
