// POST /api/queues/:vhost/:name/get: the first messages of a queue, for tests and tools. Main
// thread. It changes the queue: with ack_requeue_false and reject_requeue_false the messages are
// gone (rejected ones may be dead-lettered), otherwise they return, marked as redelivered.
//
//     {"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto", "truncate": 50000}
import type { DirectChannel, Received } from '../direct-channel.ts';
import { badRequest } from '../http-refusal.ts';
import { flagOf, integerOf, type JsonObject, requireKeys, textOf } from '../json-body.ts';
import type { ApiRequest } from '../route.ts';
import { asClient } from './direct-requests.ts';
import { payloadJson, propertiesJson } from './message-json.ts';

const MODES = [
  'ack_requeue_true',
  'ack_requeue_false',
  'reject_requeue_true',
  'reject_requeue_false',
] as const;
type Mode = (typeof MODES)[number];
const ENCODINGS = ['auto', 'base64'];

export async function getMessages(request: ApiRequest): Promise<object[]> {
  const body = await request.json();
  requireKeys(body, ['count', 'encoding']);
  const mode = modeOf(body);
  const count = integerOf(body, 'count') ?? 0;
  const encoding = textOf(body, 'encoding', '');
  const truncate = integerOf(body, 'truncate');
  if (!ENCODINGS.includes(encoding)) throw badRequest(`unsupported_encoding: ${encoding}`);
  if (count < 0) throw badRequest(`count is 0 or more, got ${count}`);
  if (truncate !== undefined && truncate < 0) throw badRequest('truncate is 0 or more');
  const queue = request.parameters['name'];
  return await asClient(request, async (channel) => {
    const messages: object[] = [];
    let last = 0;
    while (messages.length < count) {
      const noAck = mode === 'ack_requeue_false';
      const received = await channel.ask({ name: 'basic.get', queue, noAck });
      if (received.method.name !== 'basic.get-ok') break;
      last = received.method.deliveryTag;
      messages.push(messageJson(received, encoding, truncate));
    }
    // With any other than a reject their not being acked is what returns them, at the close.
    if (last > 0 && mode === 'reject_requeue_false') reject(channel, last);
    return messages;
  });
}

function reject(channel: DirectChannel, deliveryTag: number): void {
  channel.send({ name: 'basic.nack', deliveryTag, multiple: true, requeue: false });
}

/** Before 3.7 RabbitMQ took a flag `requeue`, which tools still send. */
function modeOf(body: JsonObject): Mode {
  const requeue = flagOf(body, 'requeue', true);
  const named = textOf(body, 'ackmode');
  if (named === undefined && !Object.hasOwn(body, 'requeue')) requireKeys(body, ['ackmode']);
  if (named === undefined) return requeue ? 'ack_requeue_true' : 'ack_requeue_false';
  const mode = MODES.find((known) => known === named);
  if (mode === undefined) throw badRequest(`ackmode is one of ${MODES.join(', ')}, got ${named}`);
  return mode;
}

function messageJson(
  { method, content }: Received,
  encoding: string,
  truncate: number | undefined,
): object {
  if (method.name !== 'basic.get-ok' || content === undefined) throw new TypeError('no message');
  const { body, properties } = content;
  return {
    payload_bytes: body.length,
    redelivered: method.redelivered,
    exchange: method.exchange,
    routing_key: method.routingKey,
    message_count: method.messageCount,
    properties: propertiesJson(properties),
    ...payloadJson(body, encoding, truncate),
  };
}
