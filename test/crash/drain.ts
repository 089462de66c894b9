// Test process. Empties all queues with one consumer each and waits until there is proof that nothing
// is left: no ready messages, nothing on the way, nothing that came back. Then the checker may judge.
import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashConsumer } from './crash-consumer.ts';
import type { Parties } from './parties.ts';
import { readyInAll, readyMessages } from './topology.ts';

const PREFETCH = 500;
const POLL_MILLIS = 20;
/** Without a single delivery in this time something hangs. */
const IDLE_MILLIS_MAX = 20_000;

/** Leaves `parties` with all acks of the drain processed and its consumers closed. */
export async function drainAll(parties: Parties, queues: readonly number[]): Promise<void> {
  const control = await parties.control();
  do {
    const consumers: CrashConsumer[] = [];
    for (const queue of queues) {
      const settings = {
        queue,
        prefetch: PREFETCH,
        ackGroup: 0,
        requeueShare: 0,
        holds: false,
        strict: true,
      };
      consumers.push(await parties.addConsumer(settings, () => 1));
    }
    for (const [index, consumer] of consumers.entries()) await untilEmpty(consumer, queues[index]);
    // Close-ok comes when all acks of the connection have been processed.
    for (const consumer of consumers) {
      await consumer.connection.close();
      consumer.end();
    }
  } while ((await readyInAll(control, queues)) > 0);
  await control.close();
}

/** Two looks in a row at an empty queue, nothing arriving between them, all acked. */
async function untilEmpty(consumer: CrashConsumer, queue: number): Promise<void> {
  let received = -1;
  let changedAt = performance.now();
  for (;;) {
    const ready = await readyMessages(consumer.connection, queue);
    const isStill = consumer.received === received && consumer.unacked === 0;
    if (ready === 0 && isStill) return;
    if (consumer.received !== received) changedAt = performance.now();
    if (performance.now() - changedAt > IDLE_MILLIS_MAX) {
      throw new Error(`queue ${queue} has ${ready} ready messages and delivers none`);
    }
    ({ received } = consumer);
    await sleep(POLL_MILLIS);
  }
}
