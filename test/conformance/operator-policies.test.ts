// Test thread. Operator policies (RabbitMQ: docs/policies#operator-policies; rabbit_policy): limits
// that an operator sets on top of what users set; of two numbers the lower one counts.
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { openMorgue } from '../support/dead-letters.ts';
import { usePolicyVhost } from '../support/policy-vhost.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { FieldTable } from '../support/wire/field-values.ts';
import { differences, expectedOn } from './differences.ts';

const broker = useBroker();
let vhost: string;
let channel: RawChannel;
let prefix: string;

const api = usePolicyVhost(broker, (made) => {
  ({ vhost, channel, prefix } = made);
});

async function set(kind: string, definition: Readonly<Record<string, unknown>>): Promise<void> {
  const applyTo = { 'apply-to': 'queues', priority: 0 };
  await api.put([kind, vhost, prefix], { pattern: `^${prefix}-`, definition, ...applyTo });
}

async function declareQueue(args: FieldTable = {}): Promise<string> {
  const queue = `${prefix}-queue`;
  await channel.call('queue.declare', { queue, exclusive: true, arguments: args });
  return queue;
}

/** How many of five messages the queue keeps. */
async function kept(queue: string): Promise<number> {
  await publishAll(channel, queue, ['a', 'b', 'c', 'd', 'e']);
  return (await channel.drain(queue)).length;
}

describe('an operator policy', () => {
  test('applies where there is nothing else', async () => {
    await set('operator-policies', { 'max-length': 2 });
    expect(await kept(await declareQueue())).toBe(2);
  });

  test.each([
    [1, 3, 1],
    [3, 1, 1],
  ])('of max-length %i beside a policy of %i: the lower one counts', async (...of) => {
    await set('operator-policies', { 'max-length': of[0] });
    await set('policies', { 'max-length': of[1] });
    expect(await kept(await declareQueue())).toBe(of[2]);
  });

  test.each([
    [1, 3, 1],
    [3, 1, 1],
  ])('of max-length %i beside an argument of %i: the lower one counts', async (...of) => {
    await set('operator-policies', { 'max-length': of[0] });
    expect(await kept(await declareQueue({ 'x-max-length': of[1] }))).toBe(of[2]);
  });

  test('is joined with what a policy says about other things', async () => {
    const morgue = await openMorgue(channel);
    await set('operator-policies', { 'max-length': 1 });
    await set('policies', { 'dead-letter-exchange': morgue.exchange });
    expect(await kept(await declareQueue())).toBe(1);
    expect(await morgue.bodies(4)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('holds for a queue that is there', async () => {
    const queue = await declareQueue();
    await publishAll(channel, queue, ['a', 'b', 'c']);
    await set('operator-policies', { 'max-length': 1 });
    await channel.awaitReady(queue, 1);
  });

  test('ends when it is cleared', async () => {
    await set('operator-policies', { 'message-ttl': 0 });
    const queue = await declareQueue();
    expect(await kept(queue)).toBe(0);
    await api.delete('operator-policies', vhost, prefix);
    for (let poll = 0; poll < 200 && (await kept(queue)) !== 5; poll += 1);
    expect(await kept(queue)).toBe(5);
  });

  test('may say what happens on overflow', async () => {
    if (!expectedOn(broker, differences.operatorPolicySetsOverflow)) return;
    await set('operator-policies', { 'max-length': 0, overflow: 'reject-publish' });
    const queue = await declareQueue();
    await channel.call('confirm.select');
    channel.publish({ routingKey: queue }, 'x');
    expect(await outcomes(channel, 1)).toEqual(['nack']);
  });

  test.each([{ 'dead-letter-exchange': 'amq.fanout' }, { 'alternate-exchange': 'amq.fanout' }])(
    'of %o is refused with 400',
    async (definition) => {
      const answer = await api.request('PUT', ['operator-policies', vhost, prefix], {
        pattern: `^${prefix}-`,
        definition,
      });
      expect(answer.status).toBe(400);
    },
  );
});
