// Test thread. The property user-id (RabbitMQ: docs/validated-user-id; rabbit_channel): who says who
// he is must be that user, unless he has the tag impersonator.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { outcomes } from '../support/confirms.ts';
import { ManagementApi, type TestUser } from '../support/management-api.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
const api = new ManagementApi(broker);
const ALL = { configure: '.*', write: '.*', read: '.*' };
let plain: TestUser;
let impersonator: TestUser;

beforeAll(async () => {
  plain = await api.user('/', ALL);
  impersonator = await api.user('/', ALL, 'impersonator');
});
afterAll(() => api.removeAll());

describe('user-id', () => {
  test('of the user who publishes is passed on', async () => {
    const channel = await broker.channel(plain);
    const queue = await channel.exclusiveQueue();
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'x', { userId: plain.user });
    expect((await channel.delivery()).content.properties.userId).toBe(plain.user);
  });

  test('of somebody else closes the channel with 406', async () => {
    const channel = await broker.channel(plain);
    channel.publish({ routingKey: 'anywhere' }, 'x', { userId: 'guest' });
    const text = `user_id property set to 'guest' but authenticated user was '${plain.user}'`;
    const refusal = await channel.refusal();
    expect(refusal).toEqual(channelRefusal(406, text));
    expect(refusal).toMatchObject({ classId: 60, methodId: 40 });
  });

  test('that is empty is somebody else: 406', async () => {
    const channel = await broker.channel(plain);
    channel.publish({ routingKey: 'anywhere' }, 'x', { userId: '' });
    expect(await channel.refusal()).toEqual(channelRefusal(406, "user_id property set to ''"));
  });

  test('of somebody else is passed on for a user with the tag impersonator', async () => {
    const channel = await broker.channel(impersonator);
    const queue = await channel.exclusiveQueue();
    await channel.consume(queue, { noAck: true });
    channel.publish({ routingKey: queue }, 'x', { userId: 'guest' });
    expect((await channel.delivery()).content.properties.userId).toBe('guest');
  });

  test('is none of the business of those who leave it out', async () => {
    const channel = await broker.channel(plain);
    await channel.call('confirm.select');
    channel.publish({ routingKey: 'anywhere' }, 'x', { appId: 'guest' });
    expect(await outcomes(channel, 1)).toEqual(['ack']);
  });

  test('is compared for the administrator as well', async () => {
    const channel = await broker.channel();
    channel.publish({ routingKey: 'anywhere' }, 'x', { userId: plain.user });
    const text = `user_id property set to '${plain.user}' but authenticated user was 'guest'`;
    expect(await channel.refusal()).toEqual(channelRefusal(406, text));
  });
});
