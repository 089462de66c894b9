// CC and BCC headers in the one-thread broker: more routing keys, one copy per queue, BCC removed.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Properties } from '../../support/wire/content.ts';
import { SimBroker } from './sim/sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim/sim-client.ts';

let broker: SimBroker;
let client: SimClient;

beforeEach(async () => {
  broker = await SimBroker.start({ shards: 2, inlineBodyBytesMax: 512 });
  client = await broker.open(2);
  for (const queue of ['a', 'b', 'c']) client.method(1, 'queue.declare', { queue });
  await client.exchange();
});

afterEach(() => broker.stop());

function publish(
  target: { exchange?: string; routingKey: string; mandatory?: boolean },
  headers: Properties['headers'],
): void {
  client.send(
    ...publishFrames(1, target, 'body', { headers: headers!, contentType: 'text/plain' }),
  );
}

async function all(queue: string): Promise<Received[]> {
  await client.exchange();
  const messages: Received[] = [];
  for (;;) {
    client.method(2, 'basic.get', { queue, noAck: true });
    const [answer] = await client.exchange();
    if (answer.name === 'basic.get-empty') return messages;
    messages.push(answer);
  }
}

describe('CC and BCC', () => {
  it('are routing keys besides the message’s own; only CC is delivered', async () => {
    publish({ routingKey: 'a' }, { CC: ['b'], x: 1, BCC: ['c', 'nowhere'] });
    for (const queue of ['a', 'b', 'c']) {
      const messages = await all(queue);
      expect(messages).toHaveLength(1);
      expect(messages[0].fields).toMatchObject({ routingKey: 'a', exchange: '' });
      expect(messages[0].properties).toEqual({
        contentType: 'text/plain',
        headers: { CC: ['b'], x: 1 },
      });
      expect(messages[0].body.toString()).toBe('body');
    }
  });

  it('bring a message to a queue once, however many keys lead there', async () => {
    publish({ routingKey: 'a' }, { CC: ['a', 'b', 'b'], BCC: ['b', 'a'] });
    expect([(await all('a')).length, (await all('b')).length]).toEqual([1, 1]);
  });

  it('do not change where the next message with that key goes', async () => {
    publish({ routingKey: 'a' }, { CC: ['b'] });
    publish({ routingKey: 'a' }, {});
    publish({ routingKey: 'a' }, { BCC: ['c'] });
    publish({ routingKey: 'a' }, {});
    const counts = [(await all('a')).length, (await all('b')).length, (await all('c')).length];
    expect(counts).toEqual([4, 1, 1]);
  });

  it('make a mandatory message routable; an unroutable one is returned without BCC', async () => {
    publish({ routingKey: 'nowhere', mandatory: true }, { CC: ['a'] });
    expect(await client.exchange()).toEqual([]);
    expect(await all('a')).toHaveLength(1);
    publish({ routingKey: 'nowhere', mandatory: true }, { BCC: ['lost'], a: 'b' });
    const [returned] = await client.exchange();
    expect(returned.name).toBe('basic.return');
    expect(returned.properties.headers).toEqual({ a: 'b' });
    expect(returned.body.toString()).toBe('body');
  });

  it('go with large bodies, kept, returned, and in a transaction', async () => {
    const large = { headers: { BCC: ['c', 'b'], k: 'v' }, replyTo: 'x' };
    const body = 'L'.repeat(20_000);
    const { slab } = broker.acceptors[0];
    const freePages = slab.freePages;
    const publishLarge = (routingKey: string): void =>
      client.send(...publishFrames(1, { routingKey, mandatory: true }, body, large));
    publishLarge('a');
    client.method(1, 'tx.select');
    publishLarge('a');
    client.method(1, 'tx.commit');
    await client.exchange();
    const messages = [...(await all('a')), ...(await all('b')), ...(await all('c'))];
    large.headers.BCC = [];
    publishLarge('nowhere');
    client.method(1, 'tx.commit');
    messages.push(...(await client.exchange()).filter(({ name }) => name === 'basic.return'));
    expect(messages).toHaveLength(7);
    for (const message of messages) {
      expect(message.properties).toEqual({ headers: { k: 'v' }, replyTo: 'x' });
      expect(message.body.toString()).toBe(body);
    }
    await broker.settle();
    expect(slab.freePages).toBe(freePages);
  });

  it('count for any exchange', async () => {
    const bind = { exchange: 'amq.topic', queue: 'b', routingKey: 'x.#' };
    client.method(1, 'queue.bind', bind);
    publish({ exchange: 'amq.topic', routingKey: 'y' }, { BCC: ['x.y.z'] });
    expect(await all('b')).toHaveLength(1);
  });

  it('are passed over as far as they are no strings', async () => {
    publish({ routingKey: 'a' }, { CC: [1, 'b', null, ['c']] });
    expect([(await all('b')).length, (await all('c')).length]).toEqual([1, 0]);
  });

  it.each([
    ['CC', 'a', 'longstr'],
    ['BCC', 5, 'signedint'],
    ['CC', {}, 'table'],
    ['BCC', null, 'void'],
    ['CC', true, 'bool'],
  ] as const)('refuse %s as %j', async (header, value, type) => {
    publish({ routingKey: 'a' }, { [header]: value });
    const [close] = await client.exchange();
    expect(close).toMatchObject({ name: 'channel.close', fields: { code: 406 } });
    expect(close.fields['text']).toContain(
      `PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"${header}",${type}}`,
    );
    expect(await all('a')).toEqual([]);
  });

  it('work in a transaction', async () => {
    client.method(1, 'tx.select');
    publish({ routingKey: 'a' }, { BCC: ['b'], k: 'v' });
    publish({ routingKey: 'nowhere' }, { CC: ['b'] });
    client.method(1, 'tx.commit');
    await client.exchange();
    const messages = await all('b');
    expect(messages.map(({ properties }) => properties.headers)).toEqual([
      { k: 'v' },
      { CC: ['b'] },
    ]);
    expect(await all('a')).toHaveLength(1);
  });
});
