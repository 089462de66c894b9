// Test thread. What applications do with a broker, written once and run with each client library:
// RPC, a work queue, publish/subscribe, confirms with returns, retries by dead-lettering, large
// bodies, a policy, cancel, reconnect. A library takes part by giving an adapter. The clients of other
// languages do the same in programs of their own (lane.ts).
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { Inbox } from '../support/inbox.ts';
import { ManagementApi } from '../support/management-api.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { uniqueName } from '../support/unique-name.ts';

interface ScenarioProperties {
  readonly replyTo?: string;
  readonly correlationId?: string;
  readonly messageId?: string;
  readonly persistent?: boolean;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
}

export interface ScenarioMessage extends Omit<ScenarioProperties, 'headers'> {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly routingKey: string;
  readonly redelivered: boolean;
}

/** What a consumer does with a message when its handler is done. */
type Verdict = 'ack' | 'requeue' | 'drop';

export type Handler = (message: ScenarioMessage) => Promise<Verdict> | Verdict;

export interface ScenarioConsumer {
  readonly cancel: () => Promise<void>;
}

export type QueueArguments = Readonly<Record<string, string | number>>;

export interface ScenarioClient {
  declareQueue(name: string, queueArguments?: QueueArguments): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** Ready messages. */
  messageCount(name: string): Promise<number>;
  declareExchange(name: string, type: 'fanout' | 'topic' | 'direct'): Promise<void>;
  bind(queue: string, exchange: string, routingKey: string): Promise<void>;
  /** Sends requests with direct reply-to; resolves with the replies in the order of requests. */
  request(queue: string, bodies: readonly string[]): Promise<string[]>;
  /** Publishes as mandatory and waits for the confirm; a nack rejects. */
  publish(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties?: ScenarioProperties,
  ): Promise<'confirmed' | 'returned'>;
  consume(
    queue: string,
    prefetchCount: number,
    handler: Handler,
    cancelledByBroker?: () => void,
  ): Promise<ScenarioConsumer>;
  close(): Promise<void>;
}

/** What it takes to connect by TLS: PEM, and whether the certificate is the login. */
export interface Secure {
  readonly options: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly isExternal: boolean;
}

export interface Adapter {
  connect(url: string, secure?: Secure): Promise<ScenarioClient>;
  /** The library knows SASL EXTERNAL. */
  readonly hasExternal: boolean;
  /** A consumer that the library keeps alive over lost connections. Resolves when it consumes. */
  consumeForever(url: string, queue: string, handler: Handler): Promise<() => Promise<void>>;
}

interface Death {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
}

/** How often a message was dead-lettered from a queue for a reason, as its x-death tells. */
function deathCount({ headers }: ScenarioMessage, queue: string, reason: string): number {
  const deaths = (headers?.['x-death'] ?? []) as Death[];
  return deaths.find((death) => death.queue === queue && death.reason === reason)?.count ?? 0;
}

function digest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

export function describeClient(name: string, adapter: Adapter): void {
  const broker = useBroker();
  const api = new ManagementApi(broker);
  let client: ScenarioClient;
  let queue: string;
  let exchange: string;

  beforeEach(async () => {
    client = await adapter.connect(broker.url);
    queue = uniqueName('queue');
    exchange = uniqueName('exchange');
    await client.declareQueue(queue);
  });

  afterEach(async () => {
    await client.deleteQueue(queue);
    await client.close();
  });

  /** A consumer that acks everything and puts it into the inbox. */
  async function collect(from: string, on = client): Promise<Inbox<ScenarioMessage>> {
    const inbox = new Inbox<ScenarioMessage>();
    await on.consume(from, 10, (message) => {
      inbox.push(message);
      return 'ack';
    });
    return inbox;
  }

  describe(name, () => {
    /** Squares what it is asked, until it is stopped. Keeps the reply-to names that it saw. */
    async function startServer(): Promise<{ names: Set<string>; stop: () => Promise<void> }> {
      const server = await adapter.connect(broker.url);
      const names = new Set<string>();
      const answer = async (request: ScenarioMessage): Promise<Verdict> => {
        const { body, replyTo, correlationId } = request;
        names.add(replyTo!);
        const reply = Buffer.from(String(Number(body) ** 2));
        await server.publish('', replyTo!, reply, { correlationId: correlationId! });
        return 'ack';
      };
      const answers: Promise<Verdict>[] = [];
      const consumer = await server.consume(queue, 5, (request) => {
        answers.push(answer(request));
        return answers.at(-1)!;
      });
      const stop = async (): Promise<void> => {
        await Promise.all(answers);
        await consumer.cancel();
        await server.close();
      };
      return { names, stop };
    }

    test('RPC: 50 requests at once each get their own reply', async () => {
      const server = await startServer();
      const replyQueue = uniqueName('reply');
      await client.declareQueue(replyQueue);
      const replies = await collect(replyQueue);
      const requests = Array.from({ length: 50 }, (_, n) => {
        const properties = { replyTo: replyQueue, correlationId: `request-${n}` };
        return client.publish('', queue, Buffer.from(String(n)), properties);
      });
      await Promise.all(requests);
      const results = new Map<string, number>();
      while (results.size < 50) {
        const reply = await replies.next('a reply');
        results.set(reply.correlationId!, Number(reply.body));
      }
      for (let n = 0; n < 50; n += 1) expect(results.get(`request-${n}`)).toBe(n * n);
      await client.deleteQueue(replyQueue);
      await server.stop();
    });

    test('RPC: direct reply-to does it without a queue', async () => {
      const server = await startServer();
      const numbers = Array.from({ length: 50 }, (_, n) => n);
      const replies = await client.request(queue, numbers.map(String));
      expect(replies).toEqual(numbers.map((n) => String(n * n)));
      expect([...server.names]).toEqual([expect.stringMatching(/^amq\.rabbitmq\.reply-to\../u)]);
      await server.stop();
    });

    test('work queue: two workers share the jobs, and none holds more than its prefetch', async () => {
      const workers = [await adapter.connect(broker.url), await adapter.connect(broker.url)];
      const done: string[] = [];
      const held = [0, 0];
      const heldMost = [0, 0];
      const finished = new Inbox<true>();
      const consumers: ScenarioConsumer[] = [];
      for (const [who, worker] of workers.entries()) {
        const consumer = await worker.consume(queue, 3, async ({ body }): Promise<Verdict> => {
          held[who] += 1;
          heldMost[who] = Math.max(heldMost[who], held[who]);
          await new Promise((resolve) => setImmediate(resolve));
          held[who] -= 1;
          done.push(body.toString());
          if (done.length === 100) finished.push(true);
          return 'ack';
        });
        consumers.push(consumer);
      }
      const jobs = Array.from({ length: 100 }, (_, n) =>
        client.publish('', queue, Buffer.from(`job ${n}`), { persistent: true }),
      );
      await Promise.all(jobs);
      await finished.next('the last job');
      expect(new Set(done).size).toBe(100);
      expect(Math.max(...heldMost)).toBeLessThanOrEqual(3);
      // Cancelled first, so that the last acks are on their way when the connections close.
      for (const consumer of consumers) await consumer.cancel();
      for (const worker of workers) await worker.close();
    });

    test('work queue: a job that is requeued comes back, one that is dropped does not', async () => {
      const seen = new Inbox<string>();
      await client.consume(queue, 1, ({ body, redelivered }) => {
        seen.push(`${body}${redelivered ? ' again' : ''}`);
        if (body.toString() === 'bad') return 'drop';
        return redelivered ? 'ack' : 'requeue';
      });
      await client.publish('', queue, Buffer.from('good'));
      await client.publish('', queue, Buffer.from('bad'));
      const results = [await seen.next('1'), await seen.next('2'), await seen.next('3')];
      expect(results.sort()).toEqual(['bad', 'good', 'good again']);
    });

    test('publish/subscribe: a fanout exchange reaches every subscriber', async () => {
      await client.declareExchange(exchange, 'fanout');
      const second = uniqueName('queue');
      await client.declareQueue(second);
      for (const name_ of [queue, second]) await client.bind(name_, exchange, '');
      const inboxes = [await collect(queue), await collect(second)];
      for (const body of ['one', 'two']) await client.publish(exchange, 'any', Buffer.from(body));
      for (const inbox of inboxes) {
        expect((await inbox.next('one')).body.toString()).toBe('one');
        expect((await inbox.next('two')).body.toString()).toBe('two');
      }
      await client.deleteQueue(second);
    });

    test('publish/subscribe: a topic exchange routes by pattern', async () => {
      await client.declareExchange(exchange, 'topic');
      await client.bind(queue, exchange, 'orders.*.eu');
      await client.bind(queue, exchange, 'audit.#');
      const inbox = await collect(queue);
      const keys = ['orders.new.us', 'orders.new.eu', 'audit', 'audit.a.b', 'orders.eu'];
      const outcomes: string[] = [];
      for (const key of keys) outcomes.push(await client.publish(exchange, key, Buffer.from(key)));
      expect(outcomes).toEqual(['returned', 'confirmed', 'confirmed', 'confirmed', 'returned']);
      for (const key of ['orders.new.eu', 'audit', 'audit.a.b']) {
        const message = await inbox.next(key);
        expect(message.routingKey).toBe(key);
        expect(message.body.toString()).toBe(key);
      }
    });

    test('confirms: publishes at once are all confirmed, the unroutable one is returned', async () => {
      const publishes = Array.from({ length: 200 }, (_, n) =>
        client.publish('', queue, Buffer.from(String(n)), { persistent: n % 2 === 0 }),
      );
      expect(new Set(await Promise.all(publishes))).toEqual(new Set(['confirmed']));
      expect(await client.messageCount(queue)).toBe(200);
      expect(await client.publish('', uniqueName('missing'), Buffer.from('x'))).toBe('returned');
    });

    test('dead letters: a job is tried again after a while, and counted', async () => {
      const [work, retry] = [uniqueName('work'), uniqueName('retry')];
      const deadLettersTo = (to: string): QueueArguments => ({
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': to,
      });
      await client.declareQueue(work, deadLettersTo(retry));
      await client.declareQueue(retry, { ...deadLettersTo(work), 'x-message-ttl': 20 });
      const done = new Inbox<ScenarioMessage>();
      await client.consume(work, 1, (message) => {
        if (deathCount(message, work, 'rejected') < 3) return 'drop';
        done.push(message);
        return 'ack';
      });
      await client.publish('', work, Buffer.from('stubborn'), { persistent: true });
      const message = await done.next('the last attempt');
      expect(deathCount(message, work, 'rejected')).toBe(3);
      expect(deathCount(message, retry, 'expired')).toBe(3);
      expect(message.headers).toMatchObject({ 'x-first-death-queue': work });
      for (const name_ of [work, retry]) await client.deleteQueue(name_);
    });

    test('policy: a length limit refuses publishes, and the client is told', async () => {
      const limit = ['policies', '/', queue];
      const definition = { 'max-length': 2, overflow: 'reject-publish' };
      await api.put(limit, { pattern: `^${queue}$`, definition, 'apply-to': 'queues' });
      await client.deleteQueue(queue);
      await client.declareQueue(queue);
      const publish = (): Promise<string> =>
        client.publish('', queue, Buffer.from('x')).catch(() => 'refused');
      const outcomes = [await publish(), await publish(), await publish()];
      expect(outcomes).toEqual(['confirmed', 'confirmed', 'refused']);
      await api.delete(...limit);
    });

    test('a body of 8 MiB and its properties arrive intact', async () => {
      const inbox = await collect(queue);
      const body = randomBytes(8 * 1_048_576);
      const headers = { text: 'ü', count: 42, flag: true };
      await client.publish('', queue, body, { headers, messageId: 'large', persistent: true });
      const message = await inbox.next('the large message');
      expect(message.body.length).toBe(body.length);
      expect(digest(message.body)).toBe(digest(body));
      expect(message).toMatchObject({ headers, messageId: 'large' });
    });

    test('a consumer that is cancelled gets nothing more', async () => {
      const inbox = new Inbox<ScenarioMessage>();
      const consumer = await client.consume(queue, 1, (message) => {
        inbox.push(message);
        return 'ack';
      });
      await client.publish('', queue, Buffer.from('before'));
      await inbox.next('the message before');
      await consumer.cancel();
      await client.publish('', queue, Buffer.from('after'));
      expect(await client.messageCount(queue)).toBe(1);
      expect(inbox.size).toBe(0);
    });

    test('a consumer is told when its queue is deleted', async () => {
      const told = new Inbox<true>();
      await client.consume(
        queue,
        1,
        () => 'ack',
        () => told.push(true),
      );
      const other = await adapter.connect(broker.url);
      await other.deleteQueue(queue);
      await told.next('the cancellation');
      await other.close();
    });

    test('a consumer lives on after an operator closed its connection', async () => {
      const all = { configure: '.*', write: '.*', read: '.*' };
      const { user, password } = await api.user('/', all);
      const inbox = new Inbox<string>();
      const url = `amqp://${user}:${password}@${broker.host}:${broker.port}`;
      const stop = await adapter.consumeForever(url, queue, ({ body }) => {
        inbox.push(body.toString());
        return 'ack';
      });
      await client.publish('', queue, Buffer.from('before'));
      expect(await inbox.next('the message before')).toBe('before');
      await api.delete('connections', 'username', user);
      await client.publish('', queue, Buffer.from('after'));
      let next = await inbox.next('a message after the end');
      // The ack of the first message may have been lost with the connection.
      if (next === 'before') next = await inbox.next('a message after the end');
      expect(next).toBe('after');
      await stop();
      await api.removeAll();
    });

    test('a consumer lives on after its TCP connection was cut, and loses nothing', async () => {
      const proxy = await startTcpProxy(broker);
      const inbox = new Inbox<string>();
      const url = `amqp://guest:guest@${proxy.host}:${proxy.port}`;
      const stop = await adapter.consumeForever(url, queue, ({ body }) => {
        inbox.push(body.toString());
        return 'ack';
      });
      await client.publish('', queue, Buffer.from('before'));
      expect(await inbox.next('the message before')).toBe('before');
      const accepted = proxy.accepted();
      proxy.cut();
      await client.publish('', queue, Buffer.from('while away'));
      let next = await inbox.next('a message after the cut');
      // The ack of the first message may have been lost with the connection.
      if (next === 'before') next = await inbox.next('a message after the cut');
      expect(next).toBe('while away');
      expect(proxy.accepted()).toBeGreaterThan(accepted);
      await stop();
      await proxy.stop();
    });
  });
}
