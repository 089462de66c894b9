// The identity of a binding as a string: two bindings are the same exactly when their keys are
// equal (all fields, arguments by value and in any order; RabbitMQ sorts them:
// rabbit_binding:sort_args). Any thread: the main thread's truth and the replicas use the same key.
import type { BindingSpec } from './change.ts';
import { tableKey } from './field-value-key.ts';

export function bindingKey(binding: BindingSpec): string {
  const { source, destinationKind, destination, routingKey } = binding;
  const ends = JSON.stringify([source, destinationKind, destination, routingKey]);
  return ends + tableKey(binding.arguments);
}
