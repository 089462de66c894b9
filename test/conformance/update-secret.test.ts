// Test thread. connection.update-secret (RabbitMQ: rabbit_reader, docs/oauth2#token-expiration): a new
// secret for an open connection. Users of the internal database have no use for it; it is answered.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawClient } from '../support/raw-client.ts';

const broker = useBroker();
let client: RawClient;

beforeEach(async () => {
  client = await broker.open();
});

function update(secret: string): void {
  client.send(0, 'connection.update-secret', {
    newSecret: Buffer.from(secret),
    reason: 'a test of it',
  });
}

describe('connection.update-secret', () => {
  test('is answered, and the connection goes on', async () => {
    const channel = await client.channel();
    const queue = await channel.exclusiveQueue();
    update('guest');
    await client.expect(0, 'connection.update-secret-ok');
    channel.publish({ routingKey: queue }, 'x');
    await channel.awaitReady(queue, 1);
  });

  test('may be sent again and again', async () => {
    for (const secret of ['one', 'two', '']) {
      update(secret);
      await client.expect(0, 'connection.update-secret-ok');
    }
    await client.channel();
  });

  test('does not cut off deliveries', async () => {
    const channel = await client.channel();
    const queue = await channel.exclusiveQueue();
    await channel.consume(queue, { noAck: true });
    for (let index = 0; index < 50; index += 1) {
      channel.publish({ routingKey: queue }, String(index));
      if (index === 25) update('guest');
    }
    expect(await channel.bodies(50)).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`));
    await client.expect(0, 'connection.update-secret-ok');
  });
});
