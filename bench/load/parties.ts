// Who takes part in a run: the connected publishers and consumers, which queue each uses, and what
// they share (the measuring window, the backlog limit). Generator's process, cold.
// Invariants: consumers are in place before any publisher, so that nothing waits in a queue at the
// start; publisher i and consumer i use queue i modulo the number of queues.
import { Backlog } from './backlog.ts';
import type { LoadConnection } from './connection.ts';
import { Consumer } from './consumer.ts';
import { publishFrames } from './frames.ts';
import { MeasuringWindow } from './measuring-window.ts';
import { MessageBatch } from './message-batch.ts';
import type { LoadOptions } from './options.ts';
import { OrderCheck } from './order-check.ts';
import { Publisher } from './publisher.ts';
import { exchangeName, queueName } from './topology.ts';

export interface Parties {
  readonly publishers: readonly Publisher[];
  readonly consumers: readonly Consumer[];
  readonly checks: readonly OrderCheck[];
  readonly window: MeasuringWindow;
}

export async function connectParties(
  options: LoadOptions,
  open: () => Promise<LoadConnection>,
): Promise<Parties> {
  const window = new MeasuringWindow();
  const publishers: Publisher[] = [];
  const consumers: Consumer[] = [];
  const checks: OrderCheck[] = [];
  const copies = Math.max(1, options.fanout);
  const backlog = new Backlog(options.maxBacklog, copies, () => {
    for (const publisher of publishers) publisher.wake();
  });
  for (let index = 0; index < options.consumers; index += 1) {
    const check = options.verify
      ? new OrderCheck(options.publishers, options.consumers <= options.queues)
      : undefined;
    if (check !== undefined) checks.push(check);
    const settings = {
      queue: queueName(options, index % options.queues),
      prefetch: options.prefetch,
      ackBatch: options.ackBatch,
      measuresLatency: options.rate > 0,
    };
    const consumer = new Consumer(await open(), settings, backlog, window, check);
    await consumer.prepare();
    consumers.push(consumer);
  }
  for (let index = 0; index < options.publishers; index += 1) {
    const connection = await open();
    const message = publishFrames(
      exchangeName(options),
      queueName(options, index % options.queues),
      options.size,
      options.persistent,
      connection.frameBytesMax,
    );
    const settings = {
      index,
      confirmWindow: options.confirmWindow,
      stamped: options.rate > 0 || options.verify,
    };
    const batch = new MessageBatch(message, options.size);
    const publisher = new Publisher(connection, settings, batch, backlog, window);
    await publisher.prepare();
    publishers.push(publisher);
  }
  return { publishers, consumers, checks, window };
}
