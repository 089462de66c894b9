// POST /api/exchanges/:vhost/:name/publish: one message, for tests and tools. Main thread. It is
// published with mandatory and confirmed, so that the answer says whether any queue has it.
//
//     {"properties": {}, "routing_key": "k", "payload": "text", "payload_encoding": "string"}
//     -> {"routed": true}
import { badRequest, notFound } from '../http-refusal.ts';
import { isObject, requireKeys, textOf } from '../json-body.ts';
import type { DirectChannel } from '../direct-channel.ts';
import type { ApiRequest } from '../route.ts';
import { asClient } from './direct-requests.ts';
import { exchangeInPath, vhostOf } from './listing.ts';
import { payloadFrom, propertiesFrom } from './message-json.ts';

export async function publish(request: ApiRequest): Promise<object> {
  const exchange = exchangeInPath(request.parameters['name']);
  const exchanges = [...request.broker.source.topology.exchanges(vhostOf(request))];
  if (exchanges.every(({ name }) => name !== exchange)) throw notFound();
  const body = await request.json();
  requireKeys(body, ['properties', 'routing_key', 'payload', 'payload_encoding']);
  const routingKey = textOf(body, 'routing_key', '');
  const payload = payloadFrom(textOf(body, 'payload', ''), textOf(body, 'payload_encoding', ''));
  const said = body['properties'];
  if (!isObject(said) && !(Array.isArray(said) && said.length === 0)) {
    throw badRequest('properties should be an object');
  }
  const properties = isObject(said) ? propertiesFrom(said) : {};
  const routed = await asClient(request, async (channel) => {
    await channel.ask({ name: 'confirm.select', nowait: false });
    channel.send({
      name: 'basic.publish',
      exchange,
      routingKey,
      mandatory: true,
      immediate: false,
    });
    channel.sendContent(properties, payload);
    return await isRouted(channel);
  });
  return { routed };
}

/** The return comes before the confirm. */
async function isRouted(channel: DirectChannel): Promise<boolean> {
  let hasReturned = false;
  for (;;) {
    const { name } = (await channel.next()).method;
    if (name === 'basic.return') hasReturned = true;
    // A queue that rejects when it is full has it not, though it was routed there.
    else if (name === 'basic.ack' || name === 'basic.nack') return !hasReturned;
  }
}
