// What a traced message says (RabbitMQ: docs/firehose, rabbit_trace): the message's body as it is,
// and all else about it in the headers. Acceptor thread, cold.
import { nodeName } from '../base/node-name.ts';
import { AmqpError } from '../errors/refusal.ts';
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import {
  type BasicProperties,
  contentHeaderFrame,
  decodeProperties,
} from '../protocol/properties.ts';
import { WireReader } from '../protocol/wire-reader.ts';

/** A message that was published or delivered. */
export interface TracedMessage {
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  readonly properties: BasicProperties;
  readonly body: Buffer;
}

/** Frame head, class, weight, body size. */
const FLAGS_AT = 19;

/** The properties of the message that tells of it: flags and list. */
export function traceProperties(message: TracedMessage, more: FieldTable): Buffer {
  const headers = {
    exchange_name: message.exchange,
    routing_keys: [...message.routingKeys],
    properties: tableOf(message.properties),
    node: nodeName(),
    ...more,
  };
  const frame = Buffer.from(contentHeaderFrame(0, 0, { headers }));
  return frame.subarray(FLAGS_AT, frame.length - 1);
}

/** Empty where RabbitMQ's decoder would have passed names that ours does not. */
export function tracedProperties(bytes: Buffer): BasicProperties {
  try {
    return decodeProperties(new WireReader(bytes));
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    return {};
  }
}

/** Under RabbitMQ's names: content_type and so on. */
function tableOf(properties: BasicProperties): FieldTable {
  const table: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(properties)) {
    const snakeCase = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    table[snakeCase] = value as FieldValue;
  }
  return table;
}
