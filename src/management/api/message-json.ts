// Messages as the management API shows and takes them (rabbit_mgmt_format:basic_properties,
// rabbit_mgmt_wm_queue_get). Main thread, pure.
import type { FieldTable } from '../../protocol/field-table.ts';
import type { BasicProperties } from '../../protocol/properties.ts';
import { readUtf8 } from '../../protocol/utf8.ts';
import { badRequest } from '../http-refusal.ts';
import { integerOf, type JsonObject, tableOf, textOf } from '../json-body.ts';
import { tableJson } from '../table-json.ts';

type PropertyName = keyof BasicProperties;
type Kind = 'text' | 'octet' | 'number' | 'table';

const PROPERTIES: readonly (readonly [json: string, name: PropertyName, kind: Kind])[] = [
  ['content_type', 'contentType', 'text'],
  ['content_encoding', 'contentEncoding', 'text'],
  ['headers', 'headers', 'table'],
  ['delivery_mode', 'deliveryMode', 'octet'],
  ['priority', 'priority', 'octet'],
  ['correlation_id', 'correlationId', 'text'],
  ['reply_to', 'replyTo', 'text'],
  ['expiration', 'expiration', 'text'],
  ['message_id', 'messageId', 'text'],
  ['timestamp', 'timestamp', 'number'],
  ['type', 'type', 'text'],
  ['user_id', 'userId', 'text'],
  ['app_id', 'appId', 'text'],
  ['cluster_id', 'clusterId', 'text'],
];

const OCTET_MAX = 255;

/** Those that are there. */
export function propertiesJson(properties: BasicProperties): object {
  return Object.fromEntries(
    PROPERTIES.filter(([, name]) => properties[name] !== undefined).map(([json, name, kind]) => {
      const value = properties[name];
      return [json, kind === 'table' ? tableJson(value as FieldTable) : value];
    }),
  );
}

/** Members that are no properties are ignored, as RabbitMQ does. */
export function propertiesFrom(json: JsonObject): BasicProperties {
  const properties: { [name in PropertyName]?: unknown } = {};
  for (const [key, name, kind] of PROPERTIES) {
    if (!Object.hasOwn(json, key) || json[key] === null) continue;
    if (kind === 'text') properties[name] = textOf(json, key);
    else if (kind === 'table') properties[name] = tableOf(json, key);
    else properties[name] = numberFrom(json, key, kind);
  }
  return properties as BasicProperties;
}

function numberFrom(json: JsonObject, key: string, kind: Kind): number | undefined {
  const value = integerOf(json, key);
  const max = kind === 'octet' ? OCTET_MAX : Number.MAX_SAFE_INTEGER;
  if (value !== undefined && (value < 0 || value > max)) {
    throw badRequest(`${key} is out of range: ${value} is not between 0 and ${max}`);
  }
  return value;
}

/** `auto`: as text where it is UTF-8. `truncate`: at most so many bytes. */
export function payloadJson(body: Buffer, encoding: string, truncate: number | undefined): object {
  const shown = truncate === undefined ? body : body.subarray(0, truncate);
  const text = encoding === 'base64' ? undefined : readUtf8(shown, 0, shown.length);
  return text === undefined
    ? { payload: shown.toString('base64'), payload_encoding: 'base64' }
    : { payload: text, payload_encoding: 'string' };
}

export function payloadFrom(payload: string, encoding: string): Buffer {
  if (encoding === 'string') return Buffer.from(payload, 'utf8');
  if (encoding !== 'base64') throw badRequest(`unsupported_encoding: ${encoding}`);
  const bytes = Buffer.from(payload, 'base64');
  const unpadded = (text: string): string => text.replace(/=+$/u, '');
  if (unpadded(bytes.toString('base64')) !== unpadded(payload.replaceAll(/\s/gu, ''))) {
    throw badRequest('payload_not_base64');
  }
  return bytes;
}
