// All consumers of a shard by row number, which unacked deliveries hold. Shard thread. A row is
// free again once its consumer has ended and nothing that it received is unacked.
import { Consumer, type ConsumerOptions } from './consumer.ts';

export class ConsumerTable {
  private readonly rows: (Consumer | undefined)[];
  private readonly freeRows: number[];

  constructor() {
    this.rows = [];
    this.freeRows = [];
  }

  /** The consumer in a row that an unacked delivery names. */
  at(index: number): Consumer {
    return this.rows[index]!;
  }

  add(options: Omit<ConsumerOptions, 'index'>): Consumer {
    const index = this.freeRows.pop() ?? this.rows.length;
    const consumer = new Consumer({ ...options, index });
    this.rows[index] = consumer;
    const { queue, channel } = consumer;
    // Its deliveries may be due sooner than all others there.
    channel.ages.dueAt = 0;
    if (consumer.isGetter) {
      channel.getters.set(queue, consumer);
      return consumer;
    }
    channel.consumers.add(consumer);
    queue.consumers.add(consumer);
    if (queue.singleActive === undefined) queue.rotation.add(consumer);
    else queue.singleActive.joined(consumer);
    queue.wake();
    return consumer;
  }

  /** No delivery follows. What it holds unacked stays unacked. */
  end(consumer: Consumer): void {
    if (consumer.isGone) return;
    consumer.leave();
    const { queue, channel } = consumer;
    if (!consumer.isGetter) {
      queue.consumers.delete(consumer);
      channel.consumers.delete(consumer);
      queue.singleActive?.left(consumer);
    }
    this.freeIfDone(consumer);
  }

  /** Call when a consumer's last unacked delivery is settled. */
  freeIfDone(consumer: Consumer): void {
    if (consumer.unacked > 0) return;
    if (consumer.isGetter) {
      if (this.rows[consumer.index] !== consumer) return;
      consumer.channel.getters.delete(consumer.queue);
    } else if (!consumer.isGone) {
      consumer.queue.singleActive?.settled(consumer);
      return;
    }
    this.rows[consumer.index] = undefined;
    this.freeRows.push(consumer.index);
  }
}
