// What a new binding must fulfil, by the type of its source exchange. Run by the control plane
// (main thread) before it binds; unbinding is never validated. Each check returns the text of
// RabbitMQ's 406 PRECONDITION_FAILED (`binding_invalid`) or undefined.
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import { typeNameOf } from '../protocol/field-table.ts';
import { erlangTerm } from './erlang-term.ts';
import { splitTopicKey } from './exchange/topic.ts';

const HASH_WILDCARDS_MAX = 2;
const X_MATCH_VALUES: ReadonlySet<FieldValue> = new Set(['all', 'any', 'all-with-x', 'any-with-x']);

/** `x-match` of a headers binding: rabbit_exchange_type_headers:validate_binding. */
export function validateHeadersBinding(args: FieldTable): string | undefined {
  if (!Object.hasOwn(args, 'x-match')) return undefined;
  const value = args['x-match']!;
  if (X_MATCH_VALUES.has(value)) return undefined;
  const type = typeNameOf(value);
  if (type === 'longstr') {
    return (
      `Invalid x-match field value ${erlangTerm(value)}; ` +
      'expected all, any, all-with-x, or any-with-x'
    );
  }
  return `Invalid x-match field type ${type} (value ${erlangTerm(value)}); expected longstr`;
}

/** RabbitMQ 4.3.5 (rabbit_exchange_type_topic:validate_binding) limits the `#` of one key. */
export function validateTopicBinding(routingKey: string): string | undefined {
  const count = splitTopicKey(routingKey).filter((word) => word === '#').length;
  if (count <= HASH_WILDCARDS_MAX) return undefined;
  return (
    `Topic binding key '${routingKey}' uses ${count} '#' wildcards, ` +
    `at most ${HASH_WILDCARDS_MAX} are allowed`
  );
}
