// Accepts TCP sockets and reads them. Acceptor thread. The only file that builds on Node's
// internals.
//
// Node offers `onread` (one reused buffer, no allocation and no Readable machinery per read) to
// clients only. For accepted sockets we take the server handle's own connection callback and build
// the socket ourselves with that option: the same construction Node uses, one object fewer. Where
// the internals look different (another Node), the ordinary 'data' path serves, more slowly.
//
// Each socket reads into one of two buffers that all sockets of the listener share, because a read
// is handled before the next one happens: the large one while large bodies come, else the small; or
// into slab pages of its own that its reader lends it (read-run.ts).
import net from 'node:net';
import { listenAt, type ListenPlace } from './listening.ts';
import type { ReadRun } from './read-run.ts';
import { endWith, ReadBuffer, readByData, type SocketReader } from './socket-reader.ts';

export interface ListenOptions extends ListenPlace {
  readonly readBytes: number;
  readonly largeReadBytes: number;
  readonly onSocket: (socket: net.Socket) => SocketReader;
}

interface ServerHandle {
  onconnection?: (status: number, client: object | undefined) => void;
}

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
  async listen(): Promise<number> {
    const port = await listenAt(this.server, this.options);
    this.takeOverAccepting();
    return port;
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
    let run: ReadRun | undefined;
    let lastCount = 0;
    const options = {
      handle,
      onread: {
        // Asked before the first read and after each; undefined: the same again.
        buffer: (): Uint8Array | undefined => {
          if (reader === undefined) return small.target;
          const before = run ?? buffer;
          run = reader.lendRun(lastCount);
          if (run !== undefined) return run.bytes;
          buffer = reader.wantsLargeReads ? large : small;
          return buffer === before ? undefined : buffer.target;
        },
        callback: (count: number): boolean => {
          // libuv reads on while reads fill the buffer.
          lastCount = count;
          if (run === undefined) reader!.received(buffer, count, count === buffer.target.length);
          else reader!.receivedRun(count, count === run.bytes.length);
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
    readByData(socket, this.begin(socket), this.small);
  }

  private begin(socket: net.Socket): SocketReader {
    const reader = this.options.onSocket(socket);
    endWith(socket, reader);
    return reader;
  }
}
