// One AMQP connection of the load generator: a socket read into one buffer shared by the process,
// the handshake, and calls that wait for their answer. Runs in the generator's process.
// Invariants: one call at a time; a close by the peer, expected by nobody, fails the whole run; the
// shared buffer is only valid inside the read callback, which is why sinks must not keep it.
// Source: specification 1.4 (connection), 4.2.2 (protocol header); RabbitMQ's connection.blocked.
import { connect, type Socket } from 'node:net';
import { FrameStepper, type FrameSink } from './frame-stepper.ts';
import {
  METHOD,
  PROTOCOL_HEADER,
  fieldTable,
  longString,
  methodFrame,
  readU32,
  findTextField,
  shortString,
  u16,
  u32,
  u8,
} from './frames.ts';

const CALL_SECONDS_MAX = 60;
const FRAME_BYTES_DEFAULT = 131_072;
/** From 256 KiB to 1 MiB bodies of 1 MiB come equally fast; with 128 KiB a quarter slower. */
export const READ_BUFFER_BYTES = 512 * 1024;
/** libuv calls back right after each read, so all sockets of a thread can share one buffer. */
const sharedReadBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
}

/** Reads `amqp://user:password@host:port/vhost`; what is missing is RabbitMQ's default. */
export function parseEndpoint(url: string): Endpoint {
  const parsed = new URL(url);
  if (parsed.protocol !== 'amqp:') throw new Error(`expected an amqp:// address, received ${url}`);
  const path = parsed.pathname.slice(1);
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: parsed.port === '' ? 5672 : Number(parsed.port),
    user: decodeURIComponent(parsed.username) || 'guest',
    password: decodeURIComponent(parsed.password) || 'guest',
    vhost: path === '' ? '/' : decodeURIComponent(path),
  };
}

interface Waiting {
  readonly method: number;
  resolve(payload: Buffer): void;
  reject(error: Error): void;
}

export class LoadConnection implements FrameSink {
  readonly socket: Socket;
  /** Times the broker said connection.blocked: such a run measures the alarm, not the broker. */
  blockedCount: number;
  /** What the peer says it is, such as "RabbitMQ 3.10.8". */
  product: string;
  readonly #stepper: FrameStepper;
  #waiting: Waiting | undefined;
  readonly #onFailure: (error: Error) => void;
  #closing: boolean;
  #failure: Error | undefined;

  private constructor(endpoint: Endpoint, onFailure: (error: Error) => void) {
    this.blockedCount = 0;
    this.product = '';
    this.#stepper = new FrameStepper(this, FRAME_BYTES_DEFAULT);
    this.#waiting = undefined;
    this.#onFailure = onFailure;
    this.#closing = false;
    this.#failure = undefined;
    this.socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      onread: { buffer: sharedReadBuffer, callback: (bytes) => this.#onBytes(bytes) },
    });
    this.socket.on('error', (error) => this.#fail(error));
    this.socket.on('close', () => this.#fail(new Error('the broker closed the socket')));
  }

  /** Connects and logs in; `onFailure` hears of anything that goes wrong afterwards. */
  static async open(
    endpoint: Endpoint,
    onFailure: (error: Error) => void,
  ): Promise<LoadConnection> {
    const connection = new LoadConnection(endpoint, onFailure);
    try {
      await connection.#logIn(endpoint);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  get frameBytesMax(): number {
    return this.#stepper.frameBytesMax;
  }

  async #logIn(endpoint: Endpoint): Promise<void> {
    const start = await this.call(PROTOCOL_HEADER, METHOD.connectionStart);
    const version = findTextField(start, 'version');
    this.product = `${findTextField(start, 'product')} ${version}`.trim();
    const tune = await this.call(startOk(endpoint), METHOD.connectionTune);
    const frameBytesMax = readU32(tune, 6) || FRAME_BYTES_DEFAULT;
    this.#stepper.frameBytesMax = frameBytesMax;
    this.socket.write(
      methodFrame(
        0,
        METHOD.connectionTuneOk,
        u16(tune.readUInt16BE(4)),
        u32(frameBytesMax),
        u16(0),
      ),
    );
    const open = methodFrame(
      0,
      METHOD.connectionOpen,
      shortString(endpoint.vhost),
      shortString(''),
      u8(0),
    );
    await this.call(open, METHOD.connectionOpenOk);
  }

  /** From now on frames go to `sink`, which hands back methods that are not its own. */
  sendFramesTo(sink: FrameSink): void {
    this.#stepper.sink = sink;
  }

  openChannel(): Promise<Buffer> {
    return this.call(methodFrame(1, METHOD.channelOpen, shortString('')), METHOD.channelOpenOk);
  }

  /** Writes a frame and waits for `reply`; the payload, method id included. */
  async call(bytes: Buffer, reply: number): Promise<Buffer> {
    if (this.#waiting !== undefined) throw new Error('a call is under way on this connection');
    if (this.#failure !== undefined) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#waiting = { method: reply, resolve, reject };
    const timer = setTimeout(() => {
      const expected = `${reply >>> 16}.${reply & 0xffff}`;
      reject(new Error(`no answer within ${CALL_SECONDS_MAX} s to a call expecting ${expected}`));
    }, CALL_SECONDS_MAX * 1000);
    this.socket.write(bytes);
    try {
      return await promise;
    } finally {
      this.#waiting = undefined;
      clearTimeout(timer);
    }
  }

  /** connection.close, so that the broker's log stays free of "closed abruptly". */
  async close(): Promise<void> {
    this.sendFramesTo(this);
    const close = methodFrame(0, METHOD.connectionClose, u16(200), shortString('done'), u32(0));
    this.#closing = true;
    await this.call(close, METHOD.connectionCloseOk);
    this.socket.destroy();
  }

  /** From now on nothing is taken from the socket: a client that hangs. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Drops the socket with whatever is still queued in it. */
  destroy(): void {
    this.#closing = true;
    this.socket.destroy();
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    const method = readU32(bytes, start);
    const waiting = this.#waiting;
    if (waiting !== undefined && waiting.method === method) {
      waiting.resolve(Buffer.from(bytes.subarray(start, end)));
    } else if (method === METHOD.connectionClose || method === METHOD.channelClose) {
      const textBytes = bytes[start + 6];
      const text = bytes.toString('utf8', start + 7, start + 7 + textBytes);
      this.#fail(new Error(`refused by the broker: ${bytes.readUInt16BE(start + 4)} ${text}`));
    } else if (method === METHOD.connectionBlocked) {
      this.blockedCount += 1;
    } else if (method === METHOD.basicCancel) {
      this.#fail(new Error('the broker cancelled a consumer'));
    }
  }

  onContentHeader(): void {}

  onBody(): void {}

  onChunkEnd(): void {}

  #onBytes(bytes: number): boolean {
    try {
      this.#stepper.feed(sharedReadBuffer, bytes);
    } catch (error) {
      this.#fail(error as Error);
      this.destroy();
    }
    return true;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    if (this.#waiting !== undefined) this.#waiting.reject(error);
    else if (!this.#closing) this.#onFailure(error);
  }
}

function startOk(endpoint: Endpoint): Buffer {
  const properties = fieldTable({
    product: 'warrenmq load generator',
    capabilities: fieldTable({
      'connection.blocked': true,
      consumer_cancel_notify: true,
      authentication_failure_close: true,
    }),
  });
  const response = longString(Buffer.from(`\0${endpoint.user}\0${endpoint.password}`));
  return methodFrame(
    0,
    METHOD.connectionStartOk,
    properties,
    shortString('PLAIN'),
    response,
    shortString('en_US'),
  );
}
