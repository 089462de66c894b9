// A small AMQP client for what the management API does on a user's behalf: it speaks to the broker
// by a direct connection (src/acceptor/direct-socket.ts), as RabbitMQ's management plugin does, so
// that rules, permissions and refusals are those of any client of that user. Main thread.
// One channel, one question at a time; everything ends when `close` has been called.
import type { MessagePort } from 'node:worker_threads';
import { AmqpError } from '../errors/refusal.ts';
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_BYTES,
  FRAME_METHOD,
  FRAME_OVERHEAD_BYTES,
} from '../protocol/constants.ts';
import { decodeMethod, type Method, methodFrame } from '../protocol/methods.generated.ts';
import {
  type BasicProperties,
  contentHeaderFrame,
  decodeProperties,
} from '../protocol/properties.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import { accessRefused, badRequest, HttpRefusal, notFoundBecause } from './http-refusal.ts';

const CHANNEL = 1;
const FRAME_MAX = 128 * 1024;
/** Class id, weight, body size. */
const HEADER_FIXED_BYTES = 12;
const ANSWER_MILLIS_MAX = 15_000;

const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;

export interface Content {
  readonly properties: BasicProperties;
  /** How many bytes properties and body take. */
  readonly body: Buffer;
}

/** A method from the broker, with the content that came with it. */
export interface Received {
  readonly method: Method;
  readonly content: Content | undefined;
}

interface Partial {
  readonly method: Method;
  readonly properties: BasicProperties;
  readonly bodyBytes: number;
  readonly pieces: Buffer[];
  receivedBytes: number;
}

export class DirectChannel {
  private readonly port: MessagePort;
  private input: Buffer;
  private awaitingHeader: Method | undefined;
  private partial: Partial | undefined;
  private readonly arrived: Received[];
  private wake: () => void;
  private isOver: boolean;

  constructor(port: MessagePort) {
    this.port = port;
    this.input = Buffer.alloc(0);
    this.awaitingHeader = undefined;
    this.partial = undefined;
    this.arrived = [];
    this.wake = () => {};
    this.isOver = false;
    port.on('message', (piece: Uint8Array | null) => this.receive(piece));
    port.on('close', () => this.receive(null));
    this.send({ name: 'channel.open' });
  }

  send(method: Method): void {
    this.port.postMessage(methodFrame(CHANNEL, method));
  }

  sendContent(properties: BasicProperties, body: Uint8Array): void {
    this.port.postMessage(contentHeaderFrame(CHANNEL, body.length, properties));
    const pieceMax = FRAME_MAX - FRAME_OVERHEAD_BYTES;
    for (let at = 0; at < body.length; at += pieceMax) {
      const piece = body.subarray(at, at + pieceMax);
      const frame = Buffer.alloc(piece.length + FRAME_OVERHEAD_BYTES);
      frame[0] = FRAME_BODY;
      frame.writeUInt16BE(CHANNEL, 1);
      frame.writeUInt32BE(piece.length, 3);
      frame.set(piece, FRAME_HEADER_BYTES);
      frame[frame.length - 1] = FRAME_END;
      this.port.postMessage(frame);
    }
  }

  /** Sends a method and resolves with what answers it. */
  async ask(method: Method): Promise<Received> {
    this.send(method);
    return await this.next();
  }

  /** What the broker says next; throws a refusal when it is a close. */
  async next(): Promise<Received> {
    for (;;) {
      const received = await this.take();
      const { method } = received;
      if (method.name === 'channel.close' || method.name === 'connection.close') {
        throw refusalOf(method.replyCode, method.replyText);
      }
      if (method.name !== 'channel.open-ok') return received;
    }
  }

  /** In order: what is unacked returns to its queue before this resolves. */
  async close(): Promise<void> {
    if (!this.isOver) {
      const close = { replyCode: 200, replyText: 'Goodbye', classId: 0, methodId: 0 } as const;
      this.port.postMessage(methodFrame(0, { name: 'connection.close', ...close }));
      await this.untilClosed();
    }
    this.port.postMessage(null);
    this.port.close();
  }

  private async untilClosed(): Promise<void> {
    try {
      for (;;) {
        const { name } = (await this.take()).method;
        if (name === 'connection.close-ok' || name === 'connection.close') return;
      }
    } catch (error) {
      // It is gone, or does not answer: either way it has been heard of for the last time.
      if (!(error instanceof HttpRefusal)) throw error;
    }
  }

  private async take(): Promise<Received> {
    while (this.arrived.length === 0) {
      if (this.isOver) throw unavailable('The broker has ended the request');
      await this.untilWoken();
    }
    return this.arrived.shift()!;
  }

  private async untilWoken(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve;
        const seconds = ANSWER_MILLIS_MAX / 1000;
        const late = unavailable(`No answer within ${seconds} s: publishers may be blocked`);
        timer = setTimeout(() => {
          // Whatever it waits for: it is cut off, without a word that would wait as well.
          this.isOver = true;
          reject(late);
        }, ANSWER_MILLIS_MAX);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  private receive(piece: Uint8Array | null): void {
    if (piece === null) this.isOver = true;
    else this.split(Buffer.concat([this.input, piece]));
    this.wake();
  }

  private split(bytes: Buffer): void {
    let at = 0;
    while (bytes.length - at >= FRAME_OVERHEAD_BYTES) {
      const end = at + FRAME_OVERHEAD_BYTES + bytes.readUInt32BE(at + 3);
      if (end > bytes.length) break;
      this.frame(bytes[at], bytes.subarray(at + FRAME_HEADER_BYTES, end - 1));
      at = end;
    }
    this.input = bytes.subarray(at);
  }

  private frame(type: number, payload: Buffer): void {
    if (type === FRAME_METHOD) {
      const method = decodeMethod(new WireReader(payload));
      const hasContent = method.name === 'basic.get-ok' || method.name === 'basic.return';
      if (hasContent) this.awaitingHeader = method;
      else this.arrived.push({ method, content: undefined });
    } else if (type === FRAME_HEADER && this.awaitingHeader !== undefined) {
      this.partial = {
        method: this.awaitingHeader,
        properties: decodeProperties(new WireReader(payload, HEADER_FIXED_BYTES)),
        bodyBytes: Number(payload.readBigUInt64BE(4)),
        pieces: [],
        receivedBytes: 0,
      };
      this.awaitingHeader = undefined;
      this.endOfContent();
    } else if (type === FRAME_BODY && this.partial !== undefined) {
      this.partial.pieces.push(payload);
      this.partial.receivedBytes += payload.length;
      this.endOfContent();
    }
  }

  private endOfContent(): void {
    const { partial } = this;
    if (partial === undefined || partial.receivedBytes < partial.bodyBytes) return;
    const { method, properties, pieces } = partial;
    this.partial = undefined;
    this.arrived.push({ method, content: { properties, body: Buffer.concat(pieces) } });
  }
}

/** How RabbitMQ's API passes on what AMQP refuses (rabbit_mgmt_util:amqp_request). */
function refusalOf(code: number, text: string): HttpRefusal {
  if (code === ACCESS_REFUSED) return accessRefused(text);
  if (code === NOT_FOUND) return notFoundBecause(text);
  return badRequest(`${code} ${text}`);
}

function unavailable(reason: string): HttpRefusal {
  return new HttpRefusal(503, { error: 'Service Unavailable', reason });
}

/** Runs `use` on a channel of that user, and closes it in any case. */
export async function withChannel<Result>(
  port: MessagePort,
  use: (channel: DirectChannel) => Promise<Result>,
): Promise<Result> {
  const channel = new DirectChannel(port);
  try {
    return await use(channel);
  } catch (error) {
    // What cannot be encoded: a name that is too long, for example.
    if (error instanceof RangeError) throw badRequest(error.message);
    if (error instanceof AmqpError) throw badRequest(error.refusal.text);
    throw error;
  } finally {
    await channel.close();
  }
}
