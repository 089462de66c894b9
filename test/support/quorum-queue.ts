// Test thread. For each test a channel and the name of a quorum queue, which goes when it ends.
import { afterEach, beforeEach } from 'vitest';
import type { TestBroker } from './broker.ts';
import type { RawChannel } from './raw-channel.ts';
import { uniqueName } from './unique-name.ts';
import type { FieldTable } from './wire/field-values.ts';

export interface QuorumQueue {
  readonly channel: RawChannel;
  readonly queue: string;
}

/** Before each test `take` gets what is new; returned: declares that queue, with more arguments. */
export function useQuorumQueue(
  broker: TestBroker,
  take: (made: QuorumQueue) => void,
): (args?: FieldTable) => Promise<void> {
  let made: QuorumQueue;

  beforeEach(async () => {
    made = { channel: await broker.channel(), queue: uniqueName('quorum') };
    take(made);
  });

  afterEach(async () => {
    const cleaner = await broker.channel();
    await cleaner.call('queue.delete', { queue: made.queue });
    await cleaner.client.close();
  });

  return async (args = {}) => {
    await made.channel.call('queue.declare', {
      queue: made.queue,
      durable: true,
      arguments: { 'x-queue-type': 'quorum', ...args },
    });
  };
}
