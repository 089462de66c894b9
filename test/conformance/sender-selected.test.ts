// Test thread. More routing keys in the message (RabbitMQ: docs/sender-selected; rabbit_basic): CC,
// which stays, and BCC, which nobody gets to see.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { publishAll } from '../support/confirms.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import type { FieldTable, FieldValue } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;
let queues: string[];

beforeEach(async () => {
  channel = await broker.channel();
  queues = [];
  while (queues.length < 4) queues.push(await channel.exclusiveQueue());
});

/** Publishes to the first queue with these headers; the queues that got a copy, by their index. */
async function reached(headers: FieldTable, exchange = ''): Promise<number[]> {
  await publishAll(channel, { exchange, routingKey: queues[0] }, ['x'], { headers });
  const found: number[] = [];
  for (const [index, queue] of queues.entries()) {
    const bodies = await channel.drain(queue);
    found.push(...bodies.map(() => index));
  }
  return found;
}

describe.each(['CC', 'BCC'])('%s', (header) => {
  test('adds routing keys to the one of the publish', async () => {
    expect(await reached({ [header]: [queues[1], queues[3]] })).toEqual([0, 1, 3]);
  });

  test('that is empty adds nothing', async () => {
    expect(await reached({ [header]: [] })).toEqual([0]);
  });

  test('gives a queue one copy, however many keys lead there', async () => {
    expect(await reached({ [header]: [queues[0], queues[1], queues[1]] })).toEqual([0, 1]);
  });

  test('passes over keys that lead nowhere', async () => {
    expect(await reached({ [header]: [uniqueName('missing'), queues[2]] })).toEqual([0, 2]);
  });

  test('routes where the routing key itself leads nowhere, and nothing is returned', async () => {
    const headers = { [header]: [queues[1]] };
    const target = { routingKey: uniqueName('missing'), mandatory: true };
    await publishAll(channel, target, ['x'], { headers });
    expect(await channel.drain(queues[1])).toEqual(['x']);
  });

  test.each<[string, FieldValue, string]>([
    ['a string', 'key', 'longstr'],
    ['an integer', 1, 'signedint'],
    ['a table', { key: 'value' }, 'table'],
  ])('that is %s closes the channel with 406', async (_, value, type) => {
    channel.publish({ routingKey: queues[0] }, 'x', { headers: { [header]: value } });
    const refusal = await channel.refusal();
    const text = `invalid message: {unacceptable_type_in_header,"${header}",${type}}`;
    expect(refusal).toEqual(channelRefusal(406, text));
  });

  test('passes over entries that are no strings', async () => {
    expect(await reached({ [header]: [1, queues[1], true] })).toEqual([0, 1]);
  });

  test('counts for a topic exchange', async () => {
    for (const [index, queue] of queues.entries()) {
      const routingKey = `${queues[0]}.${index}.#`;
      await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey });
    }
    const keys = [`${queues[0]}.1.x`, `${queues[0]}.3`];
    expect(await reached({ [header]: keys }, 'amq.topic')).toEqual([1, 3]);
  });
});

describe('a message with both', () => {
  test('reaches all of them', async () => {
    expect(await reached({ CC: [queues[1]], BCC: [queues[2]] })).toEqual([0, 1, 2]);
  });

  test('is delivered with CC and without BCC, and with the key of the publish', async () => {
    const headers = { CC: [queues[1]], BCC: [queues[2]], own: 'header' };
    await publishAll(channel, queues[0], ['x'], { headers, messageId: 'm' });
    for (const queue of queues.slice(0, 3)) {
      const { content, fields } = (await channel.get(queue))!;
      expect(fields.routingKey).toBe(queues[0]);
      expect(content.properties).toEqual({
        headers: { CC: [queues[1]], own: 'header' },
        messageId: 'm',
      });
    }
  });

  test('keeps its body of several frames', async () => {
    const body = 'large '.repeat(60_000);
    await publishAll(channel, queues[0], [body], { headers: { BCC: [queues[1]] } });
    for (const queue of queues.slice(0, 2)) expect(await channel.drain(queue)).toEqual([body]);
  });
});

test('cc and bcc in small letters are headers like any other', async () => {
  expect(await reached({ cc: [queues[1]], bcc: [queues[2]] })).toEqual([0]);
});

test('a returned message comes back as it was published', async () => {
  const headers = { CC: [uniqueName('missing')], BCC: [uniqueName('missing')] };
  channel.publish({ routingKey: uniqueName('missing'), mandatory: true }, 'x', { headers });
  const returned = await channel.expect('basic.return');
  expect(returned.content.properties.headers).toMatchObject({ CC: headers.CC });
});
