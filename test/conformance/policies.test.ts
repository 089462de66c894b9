// Test thread. Policies (RabbitMQ: docs/policies; rabbit_policy): settings for queues and exchanges by
// the pattern of their names, set and changed while these are in use. Each test has names of its own
// and a policy that matches only them.
import { describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes, publishAll } from '../support/confirms.ts';
import { openMorgue } from '../support/dead-letters.ts';
import { usePolicyVhost } from '../support/policy-vhost.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import type { FieldTable } from '../support/wire/field-values.ts';

const HOUR_MILLIS = 3_600_000;
const POLLS_MAX = 500;

const broker = useBroker();
let vhost: string;
let channel: RawChannel;
/** Starts the names of a test's queues and exchanges. */
let prefix: string;

const api = usePolicyVhost(broker, (made) => {
  ({ vhost, channel, prefix } = made);
});

interface PolicyOptions {
  readonly name?: string;
  readonly pattern?: string;
  readonly priority?: number;
  readonly applyTo?: string;
}

async function setPolicy(
  definition: Readonly<Record<string, unknown>>,
  { name = 'policy', pattern = '', priority = 0, applyTo = 'all' }: PolicyOptions = {},
): Promise<void> {
  await api.put(['policies', vhost, `${prefix}-${name}`], {
    pattern: `^${prefix}-${pattern}`,
    definition,
    priority,
    'apply-to': applyTo,
  });
}

function clearPolicy(name = 'policy'): Promise<void> {
  return api.delete('policies', vhost, `${prefix}-${name}`);
}

async function declareQueue(args: FieldTable = {}, suffix = ''): Promise<string> {
  const queue = `${prefix}-queue${suffix}`;
  await channel.call('queue.declare', { queue, exclusive: true, arguments: args });
  return queue;
}

/** For what comes into force some time after the API has answered. */
async function eventually(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never happened: ${what}`);
}

/** Whether a message that is published now expires at once (used with a message-ttl of 0). */
async function expiresAtOnce(queue: string): Promise<boolean> {
  await publishAll(channel, queue, ['probe']);
  return (await channel.get(queue)) === undefined;
}

describe('a policy', () => {
  test('applies to a queue that is declared later', async () => {
    await setPolicy({ 'message-ttl': 0 });
    expect(await expiresAtOnce(await declareQueue())).toBe(true);
  });

  test('applies to a queue that is there, with what it holds', async () => {
    const queue = await declareQueue();
    await publishAll(channel, queue, ['a', 'b', 'c']);
    await setPolicy({ 'max-length': 1 });
    await channel.awaitReady(queue, 1);
    expect(await channel.drain(queue)).toEqual(['c']);
  });

  test('applies only to names that match', async () => {
    await setPolicy({ 'message-ttl': 0 }, { pattern: 'queue-short' });
    const [short, long] = [await declareQueue({}, '-short'), await declareQueue({}, '-long')];
    expect([await expiresAtOnce(short), await expiresAtOnce(long)]).toEqual([true, false]);
  });

  test('ends when it is cleared', async () => {
    await setPolicy({ 'message-ttl': 0 });
    const queue = await declareQueue();
    await clearPolicy();
    await eventually('messages stay', async () => !(await expiresAtOnce(queue)));
  });

  test('can be changed', async () => {
    await setPolicy({ 'message-ttl': 0 });
    const queue = await declareQueue();
    expect(await expiresAtOnce(queue)).toBe(true);
    await setPolicy({ 'message-ttl': HOUR_MILLIS });
    await eventually('messages stay', async () => !(await expiresAtOnce(queue)));
  });

  test('of the highest priority is the only one that applies', async () => {
    await setPolicy({ 'message-ttl': 0 }, { name: 'low', priority: 1 });
    await setPolicy({ 'max-length': 1 }, { name: 'high', priority: 2 });
    const queue = await declareQueue();
    await publishAll(channel, queue, ['a', 'b']);
    expect(await channel.drain(queue)).toEqual(['b']);
    await clearPolicy('high');
    await eventually('the lower one applies', () => expiresAtOnce(queue));
  });

  test('for exchanges does not apply to queues', async () => {
    await setPolicy({ 'alternate-exchange': 'amq.fanout' }, { applyTo: 'exchanges' });
    await setPolicy({ 'message-ttl': 0 }, { name: 'queues', applyTo: 'queues' });
    expect(await expiresAtOnce(await declareQueue())).toBe(true);
  });

  test('does not make redeclaration of the queue a mistake', async () => {
    await setPolicy({ 'message-ttl': HOUR_MILLIS, 'max-length': 10 });
    await declareQueue();
    await declareQueue();
  });

  test('of invalid values is refused with 400', async () => {
    const put = (definition: object): Promise<Response> =>
      api.request('PUT', ['policies', vhost, `${prefix}-policy`], {
        pattern: `^${prefix}-`,
        definition,
      });
    for (const definition of [{ 'message-ttl': -1 }, { 'max-length': 'x' }, { unheard: 1 }, {}]) {
      expect((await put(definition)).status).toBe(400);
    }
  });
});

describe('each key of a policy', () => {
  test('message-ttl beside x-message-ttl: the lower one counts', async () => {
    await setPolicy({ 'message-ttl': 0 });
    const queue = await declareQueue({ 'x-message-ttl': HOUR_MILLIS });
    expect(await expiresAtOnce(queue)).toBe(true);
  });

  test('message-ttl holds for messages published from then on', async () => {
    const [older, probe] = [await declareQueue(), await declareQueue({}, '-probe')];
    await publishAll(channel, older, ['before']);
    await setPolicy({ 'message-ttl': 0 });
    await eventually('the policy applies', () => expiresAtOnce(probe));
    expect(await channel.drain(older)).toEqual(['before']);
    await publishAll(channel, older, ['after']);
    expect(await channel.drain(older)).toEqual([]);
  });

  test('expires', async () => {
    const queue = await declareQueue();
    await setPolicy({ expires: 100 });
    await channel.call('confirm.select');
    await eventually('the queue is gone', async () => {
      channel.publish({ routingKey: queue, mandatory: true }, 'probe');
      const isReturned = (await channel.next()).name === 'basic.return';
      if (isReturned) await channel.expect('basic.ack');
      return isReturned;
    });
  });

  test('max-length-bytes', async () => {
    await setPolicy({ 'max-length-bytes': 5 });
    const queue = await declareQueue();
    await publishAll(channel, queue, ['aaa', 'bbb']);
    expect(await channel.drain(queue)).toEqual(['bbb']);
  });

  test('overflow', async () => {
    await setPolicy({ 'max-length': 0, overflow: 'reject-publish' });
    const queue = await declareQueue();
    await channel.call('confirm.select');
    channel.publish({ routingKey: queue }, 'x');
    expect(await outcomes(channel, 1)).toEqual(['nack']);
  });

  test('overflow, set while a queue is in use', async () => {
    const queue = await declareQueue({ 'x-max-length': 1 });
    await publishAll(channel, queue, ['a', 'b']);
    await setPolicy({ overflow: 'reject-publish' });
    const publisher = await channel.client.channel();
    await publisher.call('confirm.select');
    let number = 0;
    await eventually('a publish is nacked', async () => {
      number += 1;
      publisher.publish({ routingKey: queue }, 'c');
      return (await outcomes(publisher, number, number))[0] === 'nack';
    });
  });

  test('dead-letter-exchange and dead-letter-routing-key', async () => {
    const morgue = await openMorgue(channel);
    await setPolicy({
      'dead-letter-exchange': morgue.exchange,
      'dead-letter-routing-key': 'grave',
    });
    const queue = await declareQueue();
    await publishAll(channel, queue, ['x'], { expiration: '0' });
    expect((await morgue.next()).fields.routingKey).toBe('grave');
  });

  test('dead-letter-exchange gives way to the argument', async () => {
    const morgue = await openMorgue(channel);
    await setPolicy({ 'dead-letter-exchange': 'amq.fanout' });
    const queue = await declareQueue(morgue.arguments);
    await publishAll(channel, queue, ['x'], { expiration: '0' });
    expect(await morgue.bodies(1)).toEqual(['x']);
  });

  test('delivery-limit of a quorum queue', async () => {
    const morgue = await openMorgue(channel);
    await setPolicy({ 'delivery-limit': 0, 'dead-letter-exchange': morgue.exchange });
    const queue = `${prefix}-quorum`;
    const args = { 'x-queue-type': 'quorum' };
    await channel.call('queue.declare', { queue, durable: true, arguments: args });
    await publishAll(channel, queue, ['x']);
    await channel.consume(queue);
    const { fields } = await channel.delivery();
    channel.send('basic.reject', { deliveryTag: fields.deliveryTag, requeue: true });
    const dead = await morgue.next();
    expect(dead.content.properties.headers?.['x-first-death-reason']).toBe('delivery_limit');
  });
});

describe('alternate-exchange by policy', () => {
  test('takes what the exchange routes nowhere, from when it is set until it is cleared', async () => {
    const exchange = `${prefix}-exchange`;
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    const morgue = await openMorgue(channel);
    await setPolicy({ 'alternate-exchange': morgue.exchange }, { applyTo: 'exchanges' });
    const isReturned = async (): Promise<boolean> => {
      channel.publish({ exchange, routingKey: 'nowhere', mandatory: true }, 'x');
      channel.send('channel.flow', { active: true });
      const answer = await channel.next();
      if (answer.name === 'channel.flow-ok') return false;
      await channel.expect('channel.flow-ok');
      return true;
    };
    await eventually('the policy applies', async () => !(await isReturned()));
    expect(await morgue.bodies(1)).toEqual(['x']);
    await clearPolicy();
    await eventually('the policy is gone', isReturned);
  });

  test('applies to an exchange that is declared later', async () => {
    const morgue = await openMorgue(channel);
    await setPolicy({ 'alternate-exchange': morgue.exchange });
    const exchange = `${prefix}-exchange`;
    await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
    channel.publish({ exchange, routingKey: 'nowhere' }, 'x');
    expect(await morgue.bodies(1)).toEqual(['x']);
  });

  test('gives way to the argument', async () => {
    const morgue = await openMorgue(channel);
    await setPolicy({ 'alternate-exchange': 'amq.headers' });
    const exchange = `${prefix}-exchange`;
    const args = { 'alternate-exchange': morgue.exchange };
    await channel.call('exchange.declare', { exchange, type: 'direct', arguments: args });
    channel.publish({ exchange, routingKey: 'nowhere' }, 'x');
    expect(await morgue.bodies(1)).toEqual(['x']);
  });
});
