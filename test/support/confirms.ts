// Test thread. What became of the publishes of a channel in confirm mode: one word for each number,
// whether the broker settled them singly or several at once.
import type { PublishTarget, RawChannel } from './raw-channel.ts';
import type { Properties } from './wire/content.ts';
import type { MethodFields } from './wire/methods.ts';

export type Outcome = 'ack' | 'nack';

/** Waits until the publishes `first` to `last` are settled; the outcomes in order of number. */
export async function outcomes(channel: RawChannel, last: number, first = 1): Promise<Outcome[]> {
  const settled = new Map<number, Outcome>();
  while (settled.size < last - first + 1) {
    const incoming = await channel.next('basic.ack or basic.nack');
    if (incoming.name !== 'basic.ack' && incoming.name !== 'basic.nack') {
      throw new Error(`expected basic.ack or basic.nack, the broker sent ${incoming.name}`);
    }
    const { deliveryTag, multiple } = incoming.fields as MethodFields<'basic.ack'>;
    const outcome = incoming.name === 'basic.ack' ? 'ack' : 'nack';
    for (let tag = multiple ? first : deliveryTag; tag <= deliveryTag; tag += 1) {
      if (!settled.has(tag)) settled.set(tag, outcome);
    }
  }
  return Array.from({ length: last - first + 1 }, (_, index) => settled.get(first + index)!);
}

/**
 * Publishes `bodies` and waits until the broker has acked them: they are in their queues then, or
 * have been there. From a channel of its own on the connection of `of`.
 */
export async function publishAll(
  of: RawChannel,
  target: PublishTarget | string,
  bodies: readonly string[],
  properties: Properties = {},
): Promise<void> {
  const publisher = await of.client.channel();
  await publisher.call('confirm.select');
  const where = typeof target === 'string' ? { routingKey: target } : target;
  for (const body of bodies) publisher.publish(where, body, properties);
  const nacked = (await outcomes(publisher, bodies.length)).filter((outcome) => outcome === 'nack');
  if (nacked.length > 0) throw new Error(`the broker nacked ${nacked.length} publishes`);
  await publisher.call('channel.close');
}
