// What exchanges may look at in the message they route, beside its routing key. Any thread that
// routes. Whoever publishes makes one; properties are decoded when an exchange first asks, which
// most never do.
import type { FieldTable } from '../protocol/field-table.ts';
import type { BasicProperties } from '../protocol/properties.ts';

export interface RoutedMessage {
  readonly headers: FieldTable | undefined;
  readonly properties: BasicProperties;
}

/** A message that has no properties at all. */
export const PLAIN_MESSAGE: RoutedMessage = { headers: undefined, properties: {} };
