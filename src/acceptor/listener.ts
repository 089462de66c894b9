// Accepts sockets and reads them. Acceptor thread. The only file that builds on Node's internals.
//
// Node offers `onread` (one reused buffer, no allocation and no Readable machinery per read) to
// clients only. For accepted sockets we take the server handle's own connection callback and build
// the socket ourselves with that option: the same construction Node uses, one object fewer. Where
// the internals look different (another Node), the ordinary 'data' path serves, more slowly.
//
// Each socket reads into one of two buffers that all sockets of the listener share, because a read
// is handled before the next one happens: the large one while large bodies come, else the small.
import net from 'node:net';

/** Memory that sockets read into. */
export class ReadBuffer {
  /**
   * A little longer than what is read into, on purpose: Buffer.copy of a *whole* source to shared
   * memory takes V8's relaxed copy, which is slower.
   */
  readonly bytes: Buffer<ArrayBuffer>;
  readonly view: DataView;
  readonly target: Buffer<ArrayBuffer>;

  constructor(byteCount: number) {
    const memory = new ArrayBuffer(byteCount + SLACK_BYTES);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
    this.target = this.bytes.subarray(0, byteCount);
  }
}

export interface SocketReader {
  /** The first `count` bytes of `buffer` have arrived. */
  received(buffer: ReadBuffer, count: number): void;
  ended(): void;
  /** Whether the next read goes to the large buffer. */
  readonly wantsLargeReads: boolean;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Other acceptors listen on the same port, and the kernel spreads the connections. */
  readonly shared: boolean;
  readonly readBytes: number;
  readonly largeReadBytes: number;
  readonly onSocket: (socket: net.Socket) => SocketReader;
}

interface ServerHandle {
  onconnection?: (status: number, client: object | undefined) => void;
}

const BACKLOG = 1024;
const SLACK_BYTES = 64;

export class Listener {
  private readonly server: net.Server;
  private readonly options: ListenOptions;
  private readonly small: ReadBuffer;
  private readonly large: ReadBuffer;

  constructor(options: ListenOptions) {
    this.options = options;
    this.small = new ReadBuffer(options.readBytes);
    this.large = new ReadBuffer(options.largeReadBytes);
    this.server = net.createServer({ noDelay: true }, (socket) => this.serveOrdinary(socket));
  }

  /** Resolves with the port that was bound. */
  listen(): Promise<number> {
    const { host, port, shared } = this.options;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, backlog: BACKLOG, reusePort: shared }, () => {
        this.server.off('error', reject);
        this.takeOverAccepting();
        resolve((this.server.address() as net.AddressInfo).port);
      });
    });
  }

  close(): void {
    this.server.close();
  }

  private takeOverAccepting(): void {
    const handle = (this.server as unknown as { _handle: ServerHandle | null })._handle;
    if (typeof handle?.onconnection !== 'function') return;
    const ordinary = handle.onconnection;
    handle.onconnection = (status, client) => {
      if (status !== 0 || client === undefined) ordinary.call(handle, status, client);
      else this.serveFast(client);
    };
  }

  private serveFast(handle: object): void {
    const { small, large } = this;
    let reader: SocketReader | undefined;
    let buffer = small;
    const options = {
      handle,
      onread: {
        // Asked before the first read and after each; undefined: the same again.
        buffer: (): Buffer | undefined => {
          if (reader === undefined) return small.target;
          const next = reader.wantsLargeReads ? large : small;
          if (next === buffer) return undefined;
          buffer = next;
          return next.target;
        },
        callback: (count: number): boolean => {
          reader!.received(buffer, count);
          return true;
        },
      },
    };
    const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
    socket.setNoDelay(true);
    reader = this.begin(socket);
    socket.resume();
  }

  private serveOrdinary(socket: net.Socket): void {
    const reader = this.begin(socket);
    const { bytes, target } = this.small;
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += target.length) {
        const count = chunk.copy(bytes, 0, at, at + target.length);
        reader.received(this.small, count);
      }
    });
  }

  private begin(socket: net.Socket): SocketReader {
    const reader = this.options.onSocket(socket);
    // Errors of a socket are always followed by 'close', which is where the connection ends.
    socket.on('error', () => {});
    socket.on('close', () => reader.ended());
    return reader;
  }
}
