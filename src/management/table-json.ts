// Field tables (arguments, client properties) as JSON. Main thread, pure. Integers keep all their
// digits, like in RabbitMQ; what is no text is shown as RabbitMQ shows it (rabbit_mgmt_format).
import {
  type Decimal,
  type Double,
  type FieldTable,
  type FieldValue,
  type Float,
  type LongString,
  type Timestamp,
  typeNameOf,
} from '../protocol/field-table.ts';

/** In Node since 22, not yet in TypeScript's library. */
const { rawJSON } = JSON as unknown as { rawJSON: (this: void, text: string) => object };

export function tableJson(table: FieldTable): object {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, valueJson(value)]));
}

function valueJson(value: FieldValue): unknown {
  const type = typeNameOf(value);
  switch (type) {
    case 'void':
    case 'bool':
      return value;
    case 'signedint':
    case 'long':
      return integerJson(value as number | bigint);
    case 'double':
    case 'float':
      return typeof value === 'number' ? value : (value as Double | Float).value;
    case 'longstr':
      return typeof value === 'string' ? value : bytesJson((value as LongString).bytes);
    case 'binary':
      return bytesJson(value as Uint8Array);
    case 'timestamp':
      return integerJson((value as Timestamp).seconds);
    case 'decimal':
      return (value as Decimal).digits / 10 ** (value as Decimal).places;
    case 'array':
      return (value as FieldValue[]).map(valueJson);
    case 'table':
      return tableJson(value as FieldTable);
  }
}

function integerJson(value: number | bigint): number | object {
  return typeof value === 'bigint' ? rawJSON(String(value)) : value;
}

function bytesJson(bytes: Uint8Array): string {
  return `Not UTF-8, base64 is: ${Buffer.from(bytes).toString('base64')}`;
}
