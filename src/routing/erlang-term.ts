// Values as RabbitMQ's texts print them (Erlang's ~tp), where that is short; else an ellipsis. Any
// thread, pure. Client test suites compare these texts.
import type { FieldValue } from '../protocol/field-table.ts';

export function erlangTerm(value: FieldValue): string {
  switch (typeof value) {
    case 'string':
      return `<<"${value.replace(/["\\]/g, '\\$&')}"${/[^\0-\x7f]/.test(value) ? '/utf8' : ''}>>`;
    case 'boolean':
    case 'number':
    case 'bigint':
      return String(value);
    default:
      return value === null ? 'undefined' : '...';
  }
}
