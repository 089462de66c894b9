// Test thread. Access control of a running broker, with clients over TCP: users that a store holds,
// what their permissions allow, how they log in and how that is refused. WarrenMQ only: a broker from
// outside has its own users.
import fs from 'node:fs';
import { type ChannelModel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../src/auth/password.ts';
import type { Fact } from '../../src/supervisor/facts/fact.ts';
import { TestBroker, useBroker } from '../support/broker.ts';
import { plainResponse, type RawClient } from '../support/raw-client.ts';
import { PROTOCOL_HEADER } from '../support/wire/frames.ts';
import { directoryWith } from '../support/written-facts.ts';

const user = (name: string, tags: readonly string[] = []): Fact => ({
  kind: 'user-set',
  account: { name, passwordHash: hashPassword(name), hashingAlgorithm: 'sha256', tags },
});

const FACTS: readonly Fact[] = [
  { kind: 'vhost-created', vhost: '/' },
  user('guest', ['monitoring']),
  user('app'),
  {
    kind: 'permission-set',
    user: 'app',
    vhost: '/',
    permission: {
      configure: '^app\\.',
      write: '^(app\\.|amq\\.topic$|amq\\.default$)',
      read: '^(app\\.|amq\\.topic$)',
    },
  },
  {
    kind: 'topic-permission-set',
    user: 'app',
    vhost: '/',
    exchange: 'amq.topic',
    permission: { write: '^{username}\\.', read: '^{username}\\.' },
  },
  { kind: 'user-limits-set', user: 'app', limits: { 'max-connections': 1 } },
];

/** What the client says it was refused with. */
function closing(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'it was allowed',
    (error: Error) => error.message,
  );
}

describe('the permissions of a user', () => {
  const broker = new TestBroker();
  let directory: string;
  let connection: ChannelModel;

  beforeAll(async () => {
    directory = await directoryWith(FACTS);
    const set = { login_refused_delay: '100ms' };
    await broker.start({ acceptors: 2, shards: 3, dataDirectory: directory, set });
    connection = await connect(`amqp://app:app@127.0.0.1:${broker.port}`, { noDelay: true });
    connection.on('error', () => undefined);
  });

  afterAll(async () => {
    await connection.close();
    await broker.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  });

  const channel = async () => {
    const opened = await connection.createConfirmChannel();
    opened.on('error', () => undefined);
    return opened;
  };

  test('let it use what is its own', async () => {
    const own = await channel();
    await own.assertQueue('app.q');
    await own.bindQueue('app.q', 'amq.topic', 'app.#');
    own.publish('amq.topic', 'app.news', Buffer.from('topic'), { userId: 'app' });
    own.sendToQueue('app.q', Buffer.from('default'));
    await own.waitForConfirms();
    const bodies = [await own.get('app.q'), await own.get('app.q')].map(
      (message) => message !== false && message.content.toString(),
    );
    expect(bodies).toEqual(['topic', 'default']);
    await own.deleteQueue('app.q');
  });

  test('refuse what is not', async () => {
    const declaring = closing((await channel()).assertQueue('other'));
    expect(await declaring).toContain(
      "ACCESS_REFUSED - configure access to queue 'other' in vhost '/' refused for user 'app'",
    );
    const reading = closing((await channel()).get('other'));
    expect(await reading).toContain(
      "ACCESS_REFUSED - read access to queue 'other' in vhost '/' refused for user 'app'",
    );
  });

  test.each([
    ['amq.direct', 'k', {}, "write access to exchange 'amq.direct' in vhost '/' refused"],
    ['amq.topic', 'other.k', {}, "write access to topic 'other.k' in exchange 'amq.topic'"],
    ['amq.topic', 'app.k', { userId: 'root' }, "user_id property set to 'root' but"],
  ])('refuse a publish to %s with %s and %j', async (exchange, key, options, text) => {
    const publishing = await channel();
    const closed = new Promise<Error>((resolve) => publishing.on('error', resolve));
    publishing.publish(exchange, key, Buffer.from('m'), options);
    expect((await closed).message).toContain(text);
  });

  test('do not outlive its limits', async () => {
    const second = await broker.connect();
    await second.login({ user: 'app', password: 'app' });
    const { fields } = await second.expect(0, 'connection.tune');
    second.send(0, 'connection.tune-ok', { ...fields, heartbeat: 0 });
    second.send(0, 'connection.open', { virtualHost: '/' });
    expect((await second.refusal()).text).toContain(
      "connection refused for user 'app': user connection limit (1)",
    );
  });

  test('show in the metrics what was refused', async () => {
    await closing(connect(`amqp://app:wrong@127.0.0.1:${broker.port}`));
    const text = await (await fetch(new URL('/metrics', broker.managementUrl))).text();
    const figure = (name: string) =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'gmu'))].reduce(
        (sum, [, value]) => sum + Number(value),
        0,
      );
    const attempts = figure('rabbitmq_auth_attempts_total');
    const [succeeded, failed] = ['succeeded', 'failed'].map((how) =>
      figure(`rabbitmq_auth_attempts_${how}_total`),
    );
    expect([attempts, succeeded > 0, failed]).toEqual([succeeded + failed, true, 1]);
    expect(figure('warrenmq_acceptor_access_refused_total')).toBe(5);
  });
});

async function started(broker: TestBroker): Promise<[RawClient, string]> {
  const client = await broker.connect();
  client.write(PROTOCOL_HEADER);
  const { fields } = await client.expect(0, 'connection.start');
  return [client, Buffer.from(fields.mechanisms).toString()];
}

async function startOk(broker: TestBroker, mechanism: string, response: Buffer, tells = true) {
  const [client] = await started(broker);
  const capabilities = { authentication_failure_close: tells };
  const clientProperties = { capabilities };
  client.send(0, 'connection.start-ok', { clientProperties, mechanism, response, locale: 'en_US' });
  return client;
}

describe('logging in', () => {
  const broker = useBroker({ set: { login_refused_delay: '100ms' } });

  test('is offered by RabbitMQ 4 mechanisms, anonymously as guest', async () => {
    expect((await started(broker))[1]).toBe('PLAIN AMQPLAIN ANONYMOUS');
    const client = await startOk(broker, 'ANONYMOUS', Buffer.from('trace'));
    await client.tuneAndOpen();
    const channel = await client.channel();
    expect(await channel.exclusiveQueue()).toMatch(/^amq\.gen-/);
  });

  test('that is refused is told to who can be told, and otherwise ends after a delay', async () => {
    const told = await startOk(broker, 'PLAIN', plainResponse('guest', 'wrong'));
    expect(await told.refusal()).toMatchObject({ code: 403 });
    const silent = await startOk(broker, 'PLAIN', plainResponse('guest', 'wrong'), false);
    await silent.ended;
    expect(silent.inbox(0).size).toBe(0);
  });

  test('by certificate is no mechanism without TLS', async () => {
    const client = await startOk(broker, 'EXTERNAL', Buffer.alloc(0));
    expect(await client.refusal()).toMatchObject({
      code: 503,
      text: expect.stringContaining("unknown authentication mechanism 'EXTERNAL'"),
    });
  });
});

describe('anonymous logins that are turned off', () => {
  const broker = useBroker({
    set: {
      anonymous_login_user: 'none',
      'auth_mechanisms.1': 'ANONYMOUS',
      'auth_mechanisms.2': 'PLAIN',
    },
  });

  test('are not offered and not taken', async () => {
    expect((await started(broker))[1]).toBe('PLAIN');
    const client = await startOk(broker, 'ANONYMOUS', Buffer.alloc(0));
    expect(await client.refusal()).toMatchObject({ code: 503 });
  });
});
