// Message interceptors in the one-thread broker: what every message gets, and what stays as the
// client has set it.
import { afterEach, describe, expect, it } from 'vitest';
import { nodeName } from '../../../src/base/node-name.ts';
import type { Properties } from '../../support/wire/content.ts';
import { SimBroker, type SimOptions } from './sim/sim-broker.ts';
import { publishFrames } from './sim/sim-client.ts';

let broker: SimBroker;

afterEach(() => broker.stop());

/** What a message with these properties has when it is delivered. */
async function delivered(
  options: SimOptions,
  properties: Properties,
  body = 'x',
): Promise<Properties> {
  broker = await SimBroker.start({ inlineBodyBytesMax: 512, ...options });
  const client = await broker.open(1);
  client.method(1, 'queue.declare', { queue: 'q' });
  client.send(...publishFrames(1, { routingKey: 'q' }, body, properties));
  client.method(1, 'basic.get', { queue: 'q', noAck: true });
  const [, message] = await client.exchange();
  expect(message.body.toString()).toBe(body);
  return message.properties;
}

/** When it is, in seconds, as a test may rely on it. */
function expectNow(millis: unknown): void {
  expect(Math.abs(Number(millis) - Date.now())).toBeLessThan(60_000);
}

describe('set_header_timestamp', () => {
  it.each(['true', 'false'] as const)('%s sets property and header', async (setting) => {
    const options = { timestampInterceptor: setting };
    for (const body of ['small', 'L'.repeat(5000)]) {
      const { headers, timestamp, ...others } = await delivered(options, { messageId: 'm' }, body);
      expect(others).toEqual({ messageId: 'm' });
      expect(Object.keys(headers!)).toEqual(['timestamp_in_ms']);
      expect(typeof headers!['timestamp_in_ms']).toBe('bigint');
      expectNow(headers!['timestamp_in_ms']);
      expect(timestamp).toBe(Math.floor(Number(headers!['timestamp_in_ms']) / 1000));
      await broker.stop();
    }
  });

  const set = { headers: { timestamp_in_ms: 5, a: 'b' }, timestamp: 7 };

  it('false leaves what the client has set', async () => {
    expect(await delivered({ timestampInterceptor: 'false' }, set)).toEqual(set);
  });

  it('false sets what the client has not set', async () => {
    const options = { timestampInterceptor: 'false' } as const;
    const { headers, timestamp } = await delivered(options, { headers: { timestamp_in_ms: 5 } });
    expect(headers).toEqual({ timestamp_in_ms: 5 });
    expectNow(timestamp! * 1000);
  });

  it('true overwrites both', async () => {
    const { headers, timestamp } = await delivered({ timestampInterceptor: 'true' }, set);
    expect(headers).toEqual({ a: 'b', timestamp_in_ms: expect.any(BigInt) });
    expectNow(headers!['timestamp_in_ms']);
    expectNow(timestamp! * 1000);
  });
});

describe('set_header_routing_node', () => {
  it('true says which node it was', async () => {
    const properties = { headers: { 'x-routed-by': 'me', BCC: ['q'] } };
    expect(await delivered({ routingNodeInterceptor: 'true' }, properties)).toEqual({
      headers: { 'x-routed-by': nodeName() },
    });
  });

  it('false leaves what the client has set', async () => {
    const set = { headers: { 'x-routed-by': 'me' } };
    expect(await delivered({ routingNodeInterceptor: 'false' }, set)).toEqual(set);
    await broker.stop();
    expect(await delivered({ routingNodeInterceptor: 'false' }, {})).toEqual({
      headers: { 'x-routed-by': nodeName() },
    });
  });
});

describe('without interceptors', () => {
  it('nothing is set', async () => {
    expect(await delivered({}, {})).toEqual({});
  });
});
