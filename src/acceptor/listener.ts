// Accepts sockets and reads them. Acceptor thread. The only file that builds on Node's internals.
//
// Node offers `onread` (one reused buffer, no allocation and no Readable machinery per read) to
// clients only. For accepted sockets we take the server handle's own connection callback and build
// the socket ourselves with that option: the same construction Node uses, one object fewer. Where
// the internals look different (another Node), the ordinary 'data' path serves, more slowly.
import net from 'node:net';

export interface SocketReader {
  /** The first `count` bytes of `bytes` have arrived. */
  received(bytes: Buffer<ArrayBuffer>, view: DataView, count: number): void;
  ended(): void;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Other acceptors listen on the same port, and the kernel spreads the connections. */
  readonly shared: boolean;
  readonly readBufferBytes: number;
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
  /** One buffer for all sockets: a read is handled before the next one happens. */
  private readonly bytes: Buffer<ArrayBuffer>;
  private readonly view: DataView;
  /**
   * The part that is read into. `bytes` is a little longer on purpose: Buffer.copy of a *whole*
   * source to shared memory takes V8's relaxed copy (3 GB/s instead of 10 and more).
   */
  private readonly readArea: Buffer<ArrayBuffer>;

  constructor(options: ListenOptions) {
    this.options = options;
    const memory = new ArrayBuffer(options.readBufferBytes + SLACK_BYTES);
    this.bytes = Buffer.from(memory);
    this.readArea = this.bytes.subarray(0, options.readBufferBytes);
    this.view = new DataView(memory);
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
    let reader: SocketReader | undefined;
    const { bytes, view } = this;
    const options = {
      handle,
      onread: {
        buffer: this.readArea,
        callback: (count: number): boolean => {
          reader!.received(bytes, view, count);
          return true;
        },
      },
    };
    const socket = new net.Socket(options as net.SocketConstructorOpts);
    socket.setNoDelay(true);
    reader = this.begin(socket);
    socket.resume();
  }

  private serveOrdinary(socket: net.Socket): void {
    const reader = this.begin(socket);
    socket.on('data', (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += this.readArea.length) {
        const count = chunk.copy(this.bytes, 0, at, at + this.readArea.length);
        reader.received(this.bytes, this.view, count);
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
