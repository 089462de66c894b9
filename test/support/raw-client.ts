// Test thread. A small AMQP client on a bare socket, for tests where bytes and order matter: every
// step of the handshake can be taken by hand, any bytes can be sent, and nothing is answered behind
// the test's back (no heartbeats, no close-ok). Incoming methods wait in one inbox per channel,
// content already assembled.
import { once } from 'node:events';
import net from 'node:net';
import { inspect } from 'node:util';
import { Inbox, withDeadline } from './inbox.ts';
import { RawChannel } from './raw-channel.ts';
import { type ContentHeader, decodeContentHeader } from './wire/content.ts';
import { ByteReader, type FieldTable } from './wire/field-values.ts';
import {
  decodeFields,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  type Frame,
  FrameSplitter,
  methodFrame,
  PROTOCOL_HEADER,
} from './wire/frames.ts';
import {
  METHODS_WITH_CONTENT,
  type MethodFields,
  type MethodName,
  methodNameOf,
} from './wire/methods.ts';

/** A method that arrived; `content` and `body` are there when the method carries content. */
export interface Incoming<Name extends MethodName = MethodName> {
  readonly name: Name;
  readonly fields: MethodFields<Name>;
  readonly content: ContentHeader;
  readonly body: Buffer;
  readonly bodyFrameBytes: readonly number[];
}

/** How the broker said no: with channel.close or with connection.close. */
export interface Refused {
  readonly scope: 'channel' | 'connection';
  readonly code: number;
  readonly text: string;
  readonly classId: number;
  readonly methodId: number;
}

export interface OpenOptions {
  readonly user?: string;
  readonly password?: string;
  readonly virtualHost?: string;
  readonly capabilities?: FieldTable;
  readonly channelMax?: number;
  readonly frameMax?: number;
  readonly heartbeatSeconds?: number;
}

/** RabbitMQ's extensions that a client must ask for to get. */
export const ALL_CAPABILITIES: FieldTable = {
  'basic.nack': true,
  publisher_confirms: true,
  consumer_cancel_notify: true,
  authentication_failure_close: true,
  'connection.blocked': true,
};

export function plainResponse(user = 'guest', password = 'guest'): Buffer {
  return Buffer.from(`\0${user}\0${password}`);
}

const NO_CONTENT: ContentHeader = {
  bodyBytes: 0,
  properties: {},
  propertyBytes: Buffer.alloc(0),
};

interface Assembly {
  readonly name: MethodName;
  readonly fields: Record<string, unknown>;
  content: ContentHeader | undefined;
  readonly pieces: Buffer[];
}

export class RawClient {
  readonly socket: net.Socket;
  /** What the broker offered and what was agreed on; set by the handshake. */
  serverProperties: FieldTable = {};
  frameBytesMax = 131_072;
  /** Resolves when the broker has ended or reset the socket. */
  readonly ended: Promise<void>;
  /** Every heartbeat frame that arrived. */
  readonly heartbeats = new Inbox<true>();
  /** The protocol header that the broker answered with, when it did not like ours. */
  protocolHeader: Buffer | undefined;
  readonly #inboxes = new Map<number, Inbox<Incoming>>();
  readonly #assemblies = new Map<number, Assembly>();
  readonly #splitter = new FrameSplitter();
  #over: Error | undefined;
  #channelCount = 0;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#onBytes(bytes));
    // A reset is an ordinary way for a broker to end a connection; 'close' follows.
    socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.#connectionOver(new Error('the broker closed the socket'));
        this.inbox(0).fail(new Error('the broker closed the socket'));
        this.heartbeats.fail(new Error('the broker closed the socket'));
        resolve();
      });
    });
  }

  /** TCP only; the handshake is the caller's. */
  static async connect(address: { host: string; port: number }): Promise<RawClient> {
    const socket = net.connect(address.port, address.host);
    await withDeadline('the TCP connection', once(socket, 'connect'));
    return new RawClient(socket);
  }

  /** TCP, log-in, tune and open; defaults: guest, vhost "/", all capabilities, no heartbeat. */
  static async open(
    address: { host: string; port: number },
    options: OpenOptions = {},
  ): Promise<RawClient> {
    const client = await RawClient.connect(address);
    await client.login(options);
    await client.tuneAndOpen(options);
    return client;
  }

  async login(options: OpenOptions = {}): Promise<void> {
    this.write(PROTOCOL_HEADER);
    const start = await this.expect(0, 'connection.start');
    this.serverProperties = start.fields.serverProperties;
    this.send(0, 'connection.start-ok', {
      clientProperties: { capabilities: options.capabilities ?? ALL_CAPABILITIES },
      mechanism: 'PLAIN',
      response: plainResponse(options.user, options.password),
      locale: 'en_US',
    });
  }

  async tuneAndOpen(options: OpenOptions = {}): Promise<void> {
    const tune = await this.expect(0, 'connection.tune');
    this.frameBytesMax = options.frameMax ?? tune.fields.frameMax;
    this.send(0, 'connection.tune-ok', {
      channelMax: options.channelMax ?? tune.fields.channelMax,
      frameMax: this.frameBytesMax,
      heartbeat: options.heartbeatSeconds ?? 0,
    });
    this.send(0, 'connection.open', { virtualHost: options.virtualHost ?? '/' });
    await this.expect(0, 'connection.open-ok');
  }

  /** Opens the next free channel. */
  async channel(): Promise<RawChannel> {
    this.#channelCount += 1;
    const channel = new RawChannel(this, this.#channelCount);
    await channel.call('channel.open');
    return channel;
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Writes the pieces so that the broker most likely reads them one by one. */
  async writeInPieces(pieces: Iterable<Buffer>): Promise<void> {
    for (const piece of pieces) {
      await new Promise<void>((resolve) => this.socket.write(piece, () => setImmediate(resolve)));
    }
  }

  send<Name extends MethodName>(
    channel: number,
    name: Name,
    fields: Partial<MethodFields<Name>> = {},
  ): void {
    this.write(methodFrame(channel, name, fields));
  }

  inbox(channel: number): Inbox<Incoming> {
    let inbox = this.#inboxes.get(channel);
    if (inbox === undefined) {
      inbox = new Inbox();
      this.#inboxes.set(channel, inbox);
      if (this.#over !== undefined && channel !== 0) inbox.fail(this.#over);
    }
    return inbox;
  }

  /** The next method on the channel, whatever it is. */
  next(channel: number, what = 'any method'): Promise<Incoming> {
    return this.inbox(channel).next(`${what} on channel ${channel}`);
  }

  /** The next method on the channel, which must be `name`. */
  async expect<Name extends MethodName>(channel: number, name: Name): Promise<Incoming<Name>> {
    const incoming = await this.next(channel, name);
    if (incoming.name !== name) {
      throw new Error(
        `expected ${name} on channel ${channel}, the broker sent ${incoming.name} ${inspect(incoming.fields)}`,
      );
    }
    return incoming as unknown as Incoming<Name>;
  }

  /** Waits for connection.close, answers it and waits for the end of the socket. */
  async refusal(): Promise<Refused> {
    let incoming = await this.next(0, 'connection.close');
    while (incoming.name !== 'connection.close') {
      incoming = await this.next(0, 'connection.close');
    }
    const { fields } = incoming as unknown as Incoming<'connection.close'>;
    this.send(0, 'connection.close-ok');
    await withDeadline('the end of the socket after close-ok', this.ended);
    return { scope: 'connection', ...fields };
  }

  /** The polite end: connection.close, close-ok, end of the socket. */
  async close(): Promise<void> {
    this.send(0, 'connection.close', { code: 200, text: 'bye' });
    await this.expect(0, 'connection.close-ok');
    this.socket.end();
    await withDeadline('the end of the socket', this.ended);
  }

  /** The rude end: the TCP connection is gone without a word. */
  async drop(): Promise<void> {
    this.socket.destroy();
    await this.ended;
  }

  #onBytes(bytes: Buffer): void {
    if (this.socket.bytesRead <= 8 && bytes.subarray(0, 4).toString('latin1') === 'AMQP') {
      this.protocolHeader = bytes;
      return;
    }
    for (const frame of this.#splitter.push(bytes)) this.#onFrame(frame);
  }

  #onFrame({ type, channel, payload }: Frame): void {
    if (type === FRAME_METHOD) this.#onMethod(channel, payload);
    else if (type === FRAME_HEARTBEAT) this.heartbeats.push(true);
    else if (type === FRAME_HEADER || type === FRAME_BODY) this.#onContent(type, channel, payload);
    else throw new Error(`the broker sent a frame of unknown type ${type}`);
  }

  #onMethod(channel: number, payload: Buffer): void {
    const reader = new ByteReader(payload);
    const name = methodNameOf(reader.short(), reader.short());
    const fields = decodeFields(name, reader);
    if (!reader.done) throw new Error(`the broker sent bytes behind the arguments of ${name}`);
    if (METHODS_WITH_CONTENT.has(name)) {
      this.#assemblies.set(channel, { name, fields, content: undefined, pieces: [] });
      return;
    }
    this.#arrived(channel, { name, fields, content: NO_CONTENT, pieces: [] });
    if (name !== 'connection.close') return;
    this.#connectionOver(new Error(`the broker closed the connection: ${inspect(fields)}`));
  }

  #onContent(type: number, channel: number, payload: Buffer): void {
    const assembly = this.#assemblies.get(channel);
    if (assembly === undefined) throw new Error('the broker sent content without a method');
    if (type === FRAME_HEADER) assembly.content = decodeContentHeader(payload);
    // Copied: the payload is a view of a socket buffer that tests would otherwise keep alive.
    else assembly.pieces.push(Buffer.from(payload));
    const bytes = assembly.pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (assembly.content === undefined) throw new Error('the broker sent a body before its header');
    if (bytes < assembly.content.bodyBytes) return;
    this.#assemblies.delete(channel);
    this.#arrived(channel, assembly);
  }

  #arrived(channel: number, { name, fields, content, pieces }: Assembly): void {
    this.inbox(channel).push({
      name,
      fields,
      content: content ?? NO_CONTENT,
      body: pieces.length === 1 ? pieces[0] : Buffer.concat(pieces),
      bodyFrameBytes: pieces.map((piece) => piece.length + 8),
    });
  }

  #connectionOver(error: Error): void {
    this.#over ??= error;
    for (const [channel, inbox] of this.#inboxes) if (channel !== 0) inbox.fail(this.#over);
  }
}
