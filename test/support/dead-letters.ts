// Test thread. A dead-letter exchange with a queue behind it that is consumed, so that a test awaits
// dead letters instead of looking for them; and what their x-death header says.
import type { RawChannel } from './raw-channel.ts';
import type { Incoming } from './raw-client.ts';
import { uniqueName } from './unique-name.ts';
import type { FieldTable } from './wire/field-values.ts';

/** One way of dying, as x-death tells it; numbers as numbers, `time` in seconds. */
export interface Death {
  readonly reason: string;
  readonly queue: string;
  readonly count: number;
  readonly exchange: string;
  readonly 'routing-keys': readonly string[];
  readonly 'original-expiration'?: string;
}

export interface Morgue {
  /** A fanout exchange; its only queue is consumed by `channel`. */
  readonly exchange: string;
  readonly channel: RawChannel;
  /** Arguments of a queue whose dead letters come here. */
  readonly arguments: FieldTable;
  readonly next: () => Promise<Incoming<'basic.deliver'>>;
  readonly bodies: (count: number) => Promise<string[]>;
}

/** On a channel of its own, on the connection of `channel`. */
export async function openMorgue(of: RawChannel): Promise<Morgue> {
  const channel = await of.client.channel();
  const exchange = uniqueName('dlx');
  await channel.call('exchange.declare', { exchange, type: 'fanout', autoDelete: true });
  const queue = await channel.exclusiveQueue();
  await channel.call('queue.bind', { queue, exchange });
  await channel.consume(queue, { noAck: true });
  return {
    exchange,
    channel,
    arguments: { 'x-dead-letter-exchange': exchange },
    next: () => channel.delivery(),
    bodies: (count) => channel.bodies(count),
  };
}

/** The entries of x-death without their times, newest first. */
export function deaths(message: Incoming): Death[] {
  const entries = (message.content.properties.headers?.['x-death'] ?? []) as readonly FieldTable[];
  return entries.map(({ time: _time, count, ...entry }) => {
    return { ...entry, count: Number(count) } as unknown as Death;
  });
}

/** `reason queue count` of each entry of x-death: what most tests look at. */
export function deathSummary(message: Incoming): [string, string, number][] {
  return deaths(message).map(({ reason, queue, count }) => [reason, queue, count]);
}
