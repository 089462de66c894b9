// Queue and channel operations of the work ring, in the order their clients sent them relative to
// publishes. Shard thread. Each that has a `request` is answered by exactly one REPLY (or GOT).
import {
  STATUS_EMPTY,
  STATUS_EXCLUSIVE_CONSUMER,
  STATUS_IN_USE,
  STATUS_NO_QUEUE,
  STATUS_NOT_EMPTY,
  STATUS_OK,
} from '../mailbox/from-shard-layout.ts';
import * as layout from '../mailbox/to-shard-layout.ts';
import type { ChannelUnacked } from '../consumer/channel-unacked.ts';
import { Consumer, unblockAll } from '../consumer/consumer.ts';
import type { Port } from '../port.ts';
import { readyHandles } from '../queue/paging.ts';
import { GET_NO_ROOM, GOT_IT, type Queue } from '../queue/queue.ts';
import type { ShardState } from '../shard-state.ts';
import type { AckWork } from './acks.ts';

const NO_ROW = -1;
/** A getter's messages are framed by the acceptor. */
const NO_TAG = new Uint8Array(0);

export class OperationWork {
  private readonly state: ShardState;
  private readonly acks: AckWork;

  constructor(state: ShardState, acks: AckWork) {
    this.state = state;
    this.acks = acks;
  }

  handle(port: Port, at: number): void {
    // What was published or requeued before goes to the consumers that wait for it first: an
    // operation sees the queue as if each message had been handed out the moment it came.
    this.state.runList.runUntilBlocked();
    const words = port.work.words;
    switch (words[at + 1]) {
      case layout.CONSUME:
        return this.consume(port, words, at);
      case layout.CANCEL:
        return this.cancel(port, words, at);
      case layout.GET:
        return this.get(port, words, at);
      case layout.STAT:
        return this.stat(port, words, at, (queue) => queue.ready.length);
      case layout.PURGE:
        return this.stat(port, words, at, (queue) => queue.purge());
      case layout.DELETE:
        return this.delete(port, words, at);
      case layout.COPY:
        return this.copy(port, words, at);
      case layout.CHANNEL_OPEN:
        return port.openChannel(
          words[at + layout.CHANNEL_OPEN_CHANNEL],
          words[at + layout.CHANNEL_OPEN_CONNECTION],
          words[at + layout.CHANNEL_OPEN_PREFETCH],
          words[at + layout.CHANNEL_OPEN_NUMBER],
          words[at + layout.CHANNEL_OPEN_FRAME_MAX],
        );
      case layout.CHANNEL_QOS:
        return this.channelQos(port, words, at);
      case layout.CHANNEL_CLOSE:
        return this.channelClose(port, words, at);
      case layout.CONNECTION_CLOSE:
        return port.forgetConnection(words[at + layout.CONNECTION_CLOSE_CONNECTION]);
      default:
        throw new Error(
          `shard: unknown record kind ${words[at + 1]} from acceptor ${port.acceptor}`,
        );
    }
  }

  private consume(port: Port, words: Int32Array, at: number): void {
    const request = words[at + layout.CONSUME_REQUEST];
    const queue = this.state.queues.get(words[at + layout.CONSUME_QUEUE]);
    if (queue === undefined) return port.outlet.reply(request, STATUS_NO_QUEUE, 0, 0);
    const flags = words[at + layout.CONSUME_FLAGS];
    const exclusive = (flags & layout.CONSUME_EXCLUSIVE_FLAG) !== 0;
    if (isTaken(queue, exclusive)) {
      return port.outlet.reply(request, STATUS_EXCLUSIVE_CONSUMER, 0, 0);
    }
    const tagAt = (at + layout.CONSUME_TAG) * 4;
    const tag = port.work.bytes.subarray(tagAt, tagAt + words[at + layout.CONSUME_TAG_BYTES]);
    this.state.consumers.add({
      id: words[at + layout.CONSUME_CONSUMER],
      tag,
      queue,
      channel: port.channels.get(words[at + layout.CONSUME_CHANNEL])!,
      isGetter: false,
      noAck: (flags & layout.CONSUME_NO_ACK_FLAG) !== 0,
      exclusive,
      prefetch: words[at + layout.CONSUME_PREFETCH],
      priority: words[at + layout.CONSUME_PRIORITY],
      timeoutMillis: words[at + layout.CONSUME_TIMEOUT],
    });
    queue.rules.used();
    port.outlet.reply(request, STATUS_OK, 0, 0);
  }

  private cancel(port: Port, words: Int32Array, at: number): void {
    const channel = port.channels.get(words[at + layout.CANCEL_CHANNEL]);
    const id = words[at + layout.CANCEL_CONSUMER];
    for (const consumer of channel?.consumers ?? []) {
      if (consumer.id === id) this.state.removeConsumer(consumer);
    }
    port.outlet.reply(words[at + layout.CANCEL_REQUEST], STATUS_OK, 0, 0);
  }

  private get(port: Port, words: Int32Array, at: number): void {
    const request = words[at + layout.GET_REQUEST];
    const queue = this.state.queues.get(words[at + layout.GET_QUEUE]);
    const channel = port.channels.get(words[at + layout.GET_CHANNEL])!;
    if (queue === undefined) return port.outlet.reply(request, STATUS_NO_QUEUE, 0, 0);
    queue.rules.used();
    if (queue.rules.canExpire) queue.rules.apply();
    // Looked at here already, so that polling an empty queue leaves no stand-in behind.
    if (queue.ready.isEmpty) return port.outlet.reply(request, STATUS_EMPTY, 0, 0);
    const getter = this.getter(queue, channel, words[at + layout.GET_NO_ACK] !== 0);
    this.tryGet(port, request, getter);
  }

  /** Retries gets that found the way out full; the turn's end asks for room for the others. */
  retryGets(port: Port): void {
    if (port.parkedGets.length === 0) return;
    const parked = port.parkedGets.splice(0);
    for (const { request, getter } of parked) this.tryGet(port, request, getter);
  }

  /** Answers a get, or parks it until there is room or the message has been loaded. */
  private tryGet(port: Port, request: number, getter: Consumer): void {
    const { queue } = getter;
    if (queue.isDeleted) return port.outlet.reply(request, STATUS_NO_QUEUE, 0, 0);
    if (queue.ready.isEmpty) return port.outlet.reply(request, STATUS_EMPTY, 0, 0);
    const outcome = queue.getHead(getter, request);
    if (outcome === GOT_IT) return;
    port.parkedGets.push({ request, getter, wantsRoom: outcome === GET_NO_ROOM });
  }

  private getter(queue: Queue, channel: ChannelUnacked, noAck: boolean): Consumer {
    const options = {
      id: NO_ROW,
      tag: NO_TAG,
      queue,
      channel,
      isGetter: true,
      noAck,
      exclusive: false,
      prefetch: 0,
      priority: 0,
      timeoutMillis: layout.NO_TIMEOUT,
    };
    // Without acks nothing will ever name the getter again, so it needs no row.
    if (noAck) return new Consumer({ ...options, index: NO_ROW });
    return channel.getters.get(queue) ?? this.state.consumers.add(options);
  }

  /** Answers when the copies have arrived: what is published afterwards comes after them. */
  private copy(port: Port, words: Int32Array, at: number): void {
    const request = words[at + layout.COPY_REQUEST];
    const queue = this.state.queues.get(words[at + layout.COPY_QUEUE]);
    if (queue === undefined) return port.outlet.reply(request, STATUS_NO_QUEUE, 0, 0);
    const from = (at + layout.COPY_ADDRESS) * 4;
    const to = port.work.bytes.subarray(from, from + words[at + layout.COPY_ADDRESS_BYTES]);
    const address = Buffer.concat([queue.rules.addressOf([]), to]);
    const { forwards, storage } = this.state;
    const done = (): void => port.outlet.reply(request, STATUS_OK, 0, 0);
    const send = (): void => forwards.copy(queue, readyHandles(queue), address, done);
    if (storage === undefined) send();
    else storage.readAhead.whenLoaded(queue, send);
  }

  private stat(port: Port, words: Int32Array, at: number, count: (queue: Queue) => number): void {
    const request = words[at + layout.QUEUE_OP_REQUEST];
    const queue = this.state.queues.get(words[at + layout.QUEUE_OP_QUEUE]);
    if (queue === undefined) return port.outlet.reply(request, STATUS_NO_QUEUE, 0, 0);
    queue.rules.used();
    if (queue.rules.canExpire) queue.rules.apply();
    port.outlet.reply(request, STATUS_OK, count(queue), queue.consumers.size);
  }

  private delete(port: Port, words: Int32Array, at: number): void {
    const request = words[at + layout.QUEUE_OP_REQUEST];
    const queue = this.state.queues.get(words[at + layout.QUEUE_OP_QUEUE]);
    if (queue === undefined) return port.outlet.reply(request, STATUS_NO_QUEUE, 0, 0);
    const flags = words[at + layout.QUEUE_OP_FLAGS];
    const ifUnused = (flags & layout.DELETE_IF_UNUSED_FLAG) !== 0;
    const ifEmpty = (flags & layout.DELETE_IF_EMPTY_FLAG) !== 0;
    if (ifUnused && queue.consumers.size > 0) {
      return port.outlet.reply(request, STATUS_IN_USE, 0, 0);
    }
    if (ifEmpty && !queue.ready.isEmpty) {
      return port.outlet.reply(request, STATUS_NOT_EMPTY, 0, 0);
    }
    const dropped = this.state.deleteQueue(queue);
    this.state.announceGone(queue);
    port.outlet.reply(request, STATUS_OK, dropped, 0);
  }

  private channelQos(port: Port, words: Int32Array, at: number): void {
    const channel = port.channels.get(words[at + layout.CHANNEL_QOS_CHANNEL]);
    if (channel === undefined) return;
    channel.prefetch = words[at + layout.CHANNEL_QOS_PREFETCH];
    if (!channel.isFull) unblockAll(channel.blocked);
  }

  /** Ends a channel: its consumers go, what they held unacked returns to its place. */
  private channelClose(port: Port, words: Int32Array, at: number): void {
    const channel = port.channels.get(words[at + layout.CHANNEL_CLOSE_CHANNEL]);
    if (channel !== undefined) {
      port.dropGets(channel);
      for (const consumer of [...channel.consumers]) this.state.removeConsumer(consumer);
      for (const number of channel.unacked.keys()) {
        this.acks.settle(channel, number, layout.OUTCOME_REQUEUE);
      }
      for (const getter of [...channel.getters.values()]) this.state.consumers.freeIfDone(getter);
      port.forgetChannel(channel);
    }
    port.outlet.reply(words[at + layout.CHANNEL_CLOSE_REQUEST], STATUS_OK, 0, 0);
  }
}

/**
 * Exclusive consumers: https://www.rabbitmq.com/docs/consumers#exclusivity. Beside a single active
 * consumer there is no exclusive one, and quorum queues do not look at the flag.
 */
function isTaken(queue: Queue, exclusive: boolean): boolean {
  if (queue.settings.isQuorum) return false;
  if (exclusive) return queue.consumers.size > 0 || queue.singleActive !== undefined;
  for (const consumer of queue.consumers) return consumer.exclusive;
  return false;
}
