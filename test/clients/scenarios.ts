// Test thread. What applications do with a broker, written once and run with each client library:
// RPC, a work queue, publish/subscribe, confirms with returns, large bodies, cancel, reconnect. A
// library takes part by giving an adapter; what it cannot do is left out of its adapter by name.
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { Inbox } from '../support/inbox.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { uniqueName } from '../support/unique-name.ts';

interface ScenarioProperties {
  readonly replyTo?: string;
  readonly correlationId?: string;
  readonly messageId?: string;
  readonly persistent?: boolean;
  readonly headers?: Readonly<Record<string, string | number | boolean>>;
}

export interface ScenarioMessage extends ScenarioProperties {
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

export interface ScenarioClient {
  declareQueue(name: string): Promise<void>;
  deleteQueue(name: string): Promise<void>;
  /** Ready messages. */
  messageCount(name: string): Promise<number>;
  declareExchange(name: string, type: 'fanout' | 'topic' | 'direct'): Promise<void>;
  bind(queue: string, exchange: string, routingKey: string): Promise<void>;
  /** Publishes as mandatory and waits for the confirm. */
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

export interface Adapter {
  connect(url: string): Promise<ScenarioClient>;
  /** A consumer that the library keeps alive over lost connections. Resolves when it consumes. */
  consumeForever(url: string, queue: string, handler: Handler): Promise<() => Promise<void>>;
}

function digest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

export function describeClient(name: string, adapter: Adapter): void {
  const broker = useBroker();
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
    test('RPC: 50 requests at once each get their own reply', async () => {
      const server = await adapter.connect(broker.url);
      const answer = async (request: ScenarioMessage): Promise<Verdict> => {
        const { body, replyTo, correlationId } = request;
        const reply = Buffer.from(String(Number(body) ** 2));
        await server.publish('', replyTo!, reply, { correlationId: correlationId! });
        return 'ack';
      };
      const answers: Promise<Verdict>[] = [];
      const consumer = await server.consume(queue, 5, (request) => {
        answers.push(answer(request));
        return answers.at(-1)!;
      });
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
      await Promise.all(answers);
      await consumer.cancel();
      await server.close();
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

    test('a body of 4 MiB and its properties arrive intact', async () => {
      const inbox = await collect(queue);
      const body = randomBytes(4 * 1_048_576);
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
