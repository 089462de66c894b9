// The broker that does nothing: it throws publishes away and sends every no-ack consumer the same
// ready-made deliveries for ever. `node bench/load/null-broker.ts <port>` shows what the generator
// costs and how fast it could go: no result near that ceiling says anything about a broker. The
// size of the bodies it delivers may follow the port.
// A process of its own. Speaks only what the generator asks of it; no confirms, no acks.
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { FrameStepper, type FrameSink } from './frame-stepper.ts';
import {
  EMPTY_TABLE,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_OVERHEAD_BYTES,
  METHOD,
  frame,
  longString,
  methodFrame,
  readU32,
  shortString,
  u16,
  u32,
  u64,
  u8,
} from './frames.ts';

const FRAME_BYTES_MAX = 131_072;
const BODY_BYTES = Number(process.argv[3] ?? 16);
const BATCH_BYTES = 128 * 1024;
const QUEUED_BYTES_MAX = 1024 * 1024;

/** What each method is answered with; methods that are not here (publishes) have no answer. */
const ANSWERS: ReadonlyMap<number, Buffer> = new Map([
  [METHOD.connectionStartOk, tune()],
  [METHOD.connectionOpen, methodFrame(0, METHOD.connectionOpenOk, shortString(''))],
  [METHOD.connectionClose, methodFrame(0, METHOD.connectionCloseOk)],
  [METHOD.channelOpen, methodFrame(1, METHOD.channelOpenOk, u32(0))],
  [METHOD.exchangeDeclare, methodFrame(1, METHOD.exchangeDeclareOk)],
  [METHOD.exchangeDelete, methodFrame(1, METHOD.exchangeDeleteOk)],
  [METHOD.queueDeclare, methodFrame(1, METHOD.queueDeclareOk, shortString('q'), u32(0), u32(0))],
  [METHOD.queueBind, methodFrame(1, METHOD.queueBindOk)],
  [METHOD.queueDelete, methodFrame(1, METHOD.queueDeleteOk, u32(0))],
  [METHOD.basicQos, methodFrame(1, METHOD.basicQosOk)],
  [METHOD.basicConsume, methodFrame(1, METHOD.basicConsumeOk, shortString('c'))],
]);

class NullConnection implements FrameSink {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  onMethod(bytes: Buffer, start: number): void {
    const method = readU32(bytes, start);
    const answer = ANSWERS.get(method);
    if (answer !== undefined) this.#socket.write(answer);
    if (method === METHOD.basicConsume) this.#deliver(deliveries());
  }

  onContentHeader(): void {}

  onBody(): void {}

  onChunkEnd(): void {}

  #deliver(batch: Buffer): void {
    // A socket that is gone queues nothing, so the loop below would never end.
    if (this.#socket.destroyed) return;
    while (this.#socket.writableLength < QUEUED_BYTES_MAX) this.#socket.write(batch);
    this.#socket.once('drain', () => setImmediate(() => this.#deliver(batch)));
  }
}

function tune(): Buffer {
  return methodFrame(0, METHOD.connectionTune, u16(2047), u32(FRAME_BYTES_MAX), u16(0));
}

function deliveries(): Buffer {
  const deliver = methodFrame(
    1,
    METHOD.basicDeliver,
    shortString('c'),
    u64(1),
    u8(0),
    shortString(''),
    shortString('warren-bench-0'),
  );
  const header = frame(FRAME_HEADER, 1, Buffer.concat([u16(60), u16(0), u64(BODY_BYTES), u16(0)]));
  const parts = [deliver, header];
  const pieceBytesMax = FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES;
  for (let left = BODY_BYTES; left > 0; left -= pieceBytesMax) {
    parts.push(frame(FRAME_BODY, 1, Buffer.alloc(Math.min(left, pieceBytesMax))));
  }
  const message = Buffer.concat(parts);
  const messages = Math.max(1, Math.floor(BATCH_BYTES / message.length));
  return Buffer.concat(Array.from({ length: messages }, () => message));
}

const server = createServer({ noDelay: true }, (socket) => {
  const stepper = new FrameStepper(new NullConnection(socket), FRAME_BYTES_MAX);
  let greeted = false;
  socket.on('data', (chunk) => {
    const bytes = chunk as Buffer;
    if (greeted) {
      stepper.feed(bytes, bytes.length);
      return;
    }
    greeted = true;
    const start = methodFrame(
      0,
      METHOD.connectionStart,
      u8(0),
      u8(9),
      EMPTY_TABLE,
      longString(Buffer.from('PLAIN')),
      longString(Buffer.from('en_US')),
    );
    socket.write(start);
  });
  // A generator that has finished drops its sockets; that is how every run here ends.
  socket.on('error', () => socket.destroy());
});
server.listen(Number(process.argv[2] ?? 5699), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`amqp://127.0.0.1:${port}\n`);
});
