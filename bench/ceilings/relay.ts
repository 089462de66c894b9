// The raw relay: what arrives on a producer's socket goes out on a consumer's, unparsed, with
// backpressure. It is the most that one Node thread can pass from socket to socket, and so the
// ceiling of any broker built like ours. A process of its own, one thread.
// Invariants: nothing is copied or allocated per byte; a buffer is read into again only after the
// kernel has taken it; `#free` holds at least one buffer while the socket is being read, because
// Node asks for the next one right after each read.
// Source of the construction: src/acceptor/listener.ts (Node offers `onread` to clients only).
import { once } from 'node:events';
import { createServer, Socket, type AddressInfo, type SocketConstructorOpts } from 'node:net';
import { LoopbackSockets } from '../../src/acceptor/loopback.ts';

export interface RelayOptions {
  readonly bufferBytes: number;
  /** At least 2. */
  readonly buffers: number;
}

interface ServerHandle {
  onconnection(status: number, client: object | undefined): void;
}

/** Listens on two ports of 127.0.0.1; says where in a line that `relayUrl` understands. */
export async function runRelay(options: RelayOptions): Promise<string> {
  const producers: object[] = [];
  const consumers: Socket[] = [];
  const loopback = new LoopbackSockets({ loopbackCongestionControl: 'reno' }, (reason) => {
    process.stderr.write(`relay: ${reason}\n`);
  });
  const pair = (): void => {
    if (producers.length > 0 && consumers.length > 0) {
      startPiping(producers.shift()!, consumers.shift()!, options);
    }
  };
  const producerPort = await listen((client) => {
    producers.push(client);
    pair();
  });
  const consumerPort = await listen((client) => {
    const socket = new Socket({ handle: client } as SocketConstructorOpts);
    socket.setNoDelay(true);
    loopback.accepted(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const waiting = consumers.indexOf(socket);
      if (waiting >= 0) consumers.splice(waiting, 1);
    });
    // It says nothing, but its end must be noticed.
    socket.resume();
    consumers.push(socket);
    pair();
  });
  return `relay://127.0.0.1:${producerPort}/${consumerPort}`;
}

/** Hands out the bare handle of each accepted connection; the port. */
async function listen(onClient: (client: object) => void): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const handle = (server as unknown as { _handle: ServerHandle })._handle;
  handle.onconnection = (status, client) => {
    if (status === 0 && client !== undefined) onClient(client);
  };
  return (server.address() as AddressInfo).port;
}

function startPiping(handle: object, consumer: Socket, options: RelayOptions): void {
  const free = Array.from({ length: options.buffers }, () =>
    Buffer.allocUnsafeSlow(options.bufferBytes),
  );
  let reading = free.pop()!;
  let stopped = false;
  const onBytes = (count: number): boolean => {
    const full = reading;
    consumer.write(full.subarray(0, count), () => {
      free.push(full);
      if (!stopped) return;
      stopped = false;
      producer.resume();
    });
    reading = free.pop()!;
    stopped = free.length === 0;
    return !stopped;
  };
  const onread = { buffer: () => reading, callback: onBytes };
  const producer = new Socket({ handle, onread } as SocketConstructorOpts);
  producer.on('error', () => producer.destroy());
  producer.on('close', () => consumer.destroy());
  consumer.on('close', () => producer.destroy());
  producer.resume();
}
