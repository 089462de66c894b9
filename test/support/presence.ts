// Test thread. Whether a queue or an exchange is there, asked with a passive declare on a channel
// of its own (a passive declare of something missing closes its channel).
import type { RawClient } from './raw-client.ts';

const POLLS_MAX = 500;
const POLL_MILLIS = 10;

export async function queueExists(client: RawClient, queue: string): Promise<boolean> {
  const channel = await client.channel();
  channel.send('queue.declare', { queue, passive: true });
  const answer = await channel.next('queue.declare-ok or channel.close');
  channel.send(answer.name === 'channel.close' ? 'channel.close-ok' : 'channel.close');
  // 405: another connection's exclusive queue is there.
  return answer.name === 'queue.declare-ok' || (answer.fields as { code?: number }).code === 405;
}

export async function exchangeExists(client: RawClient, exchange: string): Promise<boolean> {
  const channel = await client.channel();
  channel.send('exchange.declare', { exchange, passive: true });
  const answer = await channel.next('exchange.declare-ok or channel.close');
  channel.send(answer.name === 'channel.close' ? 'channel.close-ok' : 'channel.close');
  return answer.name === 'exchange.declare-ok';
}

/** For what happens some time after its cause, such as auto-delete. */
export async function awaitQueueGone(client: RawClient, queue: string): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (!(await queueExists(client, queue))) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
  throw new Error(`queue ${queue} is still there`);
}
