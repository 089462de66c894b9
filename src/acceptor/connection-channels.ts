// The channels of one connection, and which of them gets a frame. Acceptor thread.
// Specification 1.5.2 (a channel is opened first), 4.2.6 (content frames follow their method).
import {
  channelNotOpen,
  channelNumberTooHigh,
  unexpectedFrame,
} from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';
import { FRAME_HEADER, FRAME_METHOD } from '../protocol/constants.ts';
import {
  ID_BASIC_PUBLISH,
  ID_CHANNEL_CLOSE,
  ID_CHANNEL_CLOSE_OK,
  ID_CHANNEL_OPEN,
} from '../protocol/methods.generated.ts';
import { nodeName } from '../base/node-name.ts';
import { nodeChannelLimit, userChannelLimit } from '../errors/limit-refusals.ts';
import { Channel } from './channel.ts';
import type { WaitingFrame } from './channel-backlog.ts';
import type { ChannelPlaces } from './channel-places.ts';
import type { ClientConsumer } from './client-consumer.ts';
import type { Connection } from './connection.ts';
import { contentHeader, publishMethod } from './content-input.ts';
import { dispatchChannelMethod } from './dispatch.ts';

export class ConnectionChannels {
  private readonly connection: Connection;
  /** By channel number. */
  private readonly byNumber: (Channel | undefined)[];
  /** Set when the connection is open: channels come after that. */
  private userPlaces: ChannelPlaces | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    // Just long enough for channel 1, the only one of most clients: a first element beyond the end
    // would get room for sixteen more.
    this.byNumber = [undefined, undefined];
    this.userPlaces = undefined;
  }

  /** The places of the connection's user, which its connections share. */
  countIn(userPlaces: ChannelPlaces): void {
    this.userPlaces = userPlaces;
  }

  /** Channels that are open already stay so. */
  limitUser(channelsMax: number | undefined): void {
    this.userPlaces?.limit(channelsMax);
  }

  /** For listings. */
  open(): Channel[] {
    return this.byNumber.filter((channel): channel is Channel => channel?.isOpen === true);
  }

  get someBusy(): boolean {
    return this.byNumber.some((channel) => channel?.isBusy === true);
  }

  get someBacklogFull(): boolean {
    return this.byNumber.some((channel) => channel?.backlog.isFull === true);
  }

  /** The channel that shards know by this number. */
  withId(id: number): Channel | undefined {
    return this.byNumber.find((channel) => channel?.id === id);
  }

  /** The names of the queues that are consumed from, each once. */
  consumedQueues(): string[] {
    const names = new Set<string>();
    for (const channel of this.byNumber) {
      for (const { queue } of channel?.consumers.values() ?? []) names.add(queue.name);
    }
    return [...names];
  }

  consumers(): ClientConsumer[] {
    return this.byNumber.flatMap((channel) => [...(channel?.consumers.values() ?? [])]);
  }

  /** The channel on which a whole publish may be taken at once, if it may. Hot. */
  publishing(number: number): Channel | undefined {
    if (this.connection.state !== 'running') return undefined;
    const channel = this.byNumber[number];
    if (channel === undefined || !channel.isOpen || channel.isWaiting) return undefined;
    return channel.assembly.isIdle && channel.backlog.isEmpty ? channel : undefined;
  }

  /** The channel that takes part of a body frame before all of it has come, if it may. */
  receivingBody(number: number): Channel | undefined {
    if (this.connection.state !== 'running') return undefined;
    const channel = this.byNumber[number];
    if (channel === undefined || channel.isWaiting) return undefined;
    return channel.assembly.expectsBody && channel.backlog.isEmpty ? channel : undefined;
  }

  /** The channels that hold slab memory for a body that has not come in full. */
  receivingLarge(): Channel[] {
    return this.byNumber.filter((channel): channel is Channel => {
      return channel?.isOpen === true && channel.assembly.holdsSlab;
    });
  }

  /** Handles one whole frame; false when it has to be offered again (the connection is stalled). */
  frame(
    type: number,
    number: number,
    bytes: Buffer<ArrayBufferLike>,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    const channel = this.byNumber[number];
    if (channel === undefined) {
      this.frameOnUnknown(type, number, methodIdOf(type, view, start, end));
      return this.connection.isUsable;
    }
    if (!channel.isOpen) {
      if (type === FRAME_METHOD)
        this.frameWhileClosing(channel, methodIdOf(type, view, start, end));
      return true;
    }
    if (channel.isWaiting || !channel.backlog.isEmpty) {
      channel.backlog.add(type, bytes.subarray(start, end));
      if (channel.backlog.isFull) this.connection.flow.stall();
      return true;
    }
    return this.handle(channel, type, bytes, view, start, end);
  }

  /** Handles a frame that waited; false when it has to wait on. */
  replay(channel: Channel, frame: WaitingFrame): boolean {
    const { type, payload } = frame;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    return this.handle(channel, type, payload, view, 0, payload.length);
  }

  forget(channel: Channel): void {
    if (this.byNumber[channel.number] !== channel) return;
    this.byNumber[channel.number] = undefined;
    this.connection.flow.forget(channel);
    const { acceptor } = this.connection;
    acceptor.channelCount -= 1;
    acceptor.channelPlaces.giveBack();
    this.userPlaces?.giveBack();
  }

  /** Ends all channels; `onSettled` runs when every shard has heard of all of them. */
  endAll(onSettled?: () => void): void {
    const channels = this.byNumber.filter((channel) => channel !== undefined);
    let waitingFor = channels.length;
    if (waitingFor === 0) onSettled?.();
    for (const channel of channels) {
      this.forget(channel);
      channel.end(() => {
        waitingFor -= 1;
        if (waitingFor === 0) onSettled?.();
      });
    }
  }

  private handle(
    channel: Channel,
    type: number,
    bytes: Buffer<ArrayBufferLike>,
    view: DataView,
    start: number,
    end: number,
  ): boolean {
    try {
      if (type === FRAME_METHOD) return method(channel, bytes, view, start, end);
      if (type === FRAME_HEADER) return contentHeader(channel, bytes, view, start, end);
      return body(channel, bytes, start, end);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      this.connection.refuse(error.refusal, channel, methodIdOf(type, view, start, end));
      return this.connection.isUsable;
    }
  }

  private frameOnUnknown(type: number, number: number, id: number): void {
    const { connection } = this;
    if (type !== FRAME_METHOD) {
      throw new AmqpError(unexpectedFrame('a method', `content on channel ${number}, not open`));
    }
    // The answer to a channel.close of ours may come after the client's own close was answered.
    if (id === ID_CHANNEL_CLOSE_OK) return;
    if (id !== ID_CHANNEL_OPEN) {
      connection.refuse(channelNotOpen(number), undefined, id);
    } else if (number > connection.channelMax) {
      connection.refuse(channelNumberTooHigh(number, connection.channelMax), undefined, id);
    } else {
      this.openChannel(number);
    }
  }

  private openChannel(number: number): void {
    const { connection, userPlaces } = this;
    const { acceptor } = connection;
    // RabbitMQ's order: the user first.
    if (userPlaces?.take() === false) {
      connection.refuse(
        userChannelLimit(connection.user, userPlaces.max),
        undefined,
        ID_CHANNEL_OPEN,
      );
      return;
    }
    if (!acceptor.channelPlaces.take()) {
      userPlaces?.giveBack();
      const refusal = nodeChannelLimit(nodeName(), acceptor.channelPlaces.max);
      connection.refuse(refusal, undefined, ID_CHANNEL_OPEN);
      return;
    }
    this.byNumber[number] = new Channel(connection, number, acceptor.ids.take());
    acceptor.channelCount += 1;
    connection.send(number, { name: 'channel.open-ok' });
  }

  private frameWhileClosing(channel: Channel, id: number): void {
    if (id === ID_CHANNEL_CLOSE) {
      this.connection.send(channel.number, { name: 'channel.close-ok' });
    }
    if (id === ID_CHANNEL_CLOSE_OK || id === ID_CHANNEL_CLOSE) this.forget(channel);
  }
}

function method(
  channel: Channel,
  bytes: Buffer<ArrayBufferLike>,
  view: DataView,
  start: number,
  end: number,
): boolean {
  const { assembly } = channel;
  if (!assembly.isIdle) {
    const expected = assembly.expectsHeader ? 'a content header' : 'a content body';
    throw new AmqpError(unexpectedFrame(expected, 'a method'));
  }
  const isPublish = methodIdOf(FRAME_METHOD, view, start, end) === ID_BASIC_PUBLISH;
  if (isPublish) publishMethod(channel, bytes, start, end);
  else dispatchChannelMethod(channel, bytes, view, start, end);
  return true;
}

function body(
  channel: Channel,
  bytes: Buffer<ArrayBufferLike>,
  start: number,
  end: number,
): boolean {
  const { assembly } = channel;
  if (!assembly.expectsBody) {
    const expected = assembly.expectsHeader ? 'a content header' : 'a method';
    throw new AmqpError(unexpectedFrame(expected, 'a content body'));
  }
  channel.bodyBytes(bytes, start, end - start);
  channel.bodyFrameEnded();
  return true;
}

/** The method a frame is, 0 when it is too short to be one, or publish for its content. */
export function methodIdOf(type: number, view: DataView, start: number, end: number): number {
  if (type !== FRAME_METHOD) return ID_BASIC_PUBLISH;
  return end - start >= 4 ? view.getUint32(start) : 0;
}
