// What a byte stream is to the connection behind it, whatever carries it: TCP (listener.ts), TLS
// (tls-listener.ts) or a MessagePort (direct-socket.ts). Acceptor thread. Bytes are handed over in
// memory that the streams of an acceptor share, because a read is handled before the next happens.
import type { Duplex } from 'node:stream';
import type { ReadRun } from './read-run.ts';

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

/** Where a read has gone. */
export interface ReadMemory {
  readonly bytes: Buffer<ArrayBufferLike>;
  readonly view: DataView<ArrayBufferLike>;
}

/** Gets the bytes of a stream, and its end. */
export interface StreamReader {
  /**
   * The first `count` bytes of `memory` have arrived. `goesOn`: others may follow in this turn
   * before any other socket is read.
   */
  received(memory: ReadMemory, count: number, goesOn: boolean): void;
  ended(): void;
}

/** Says besides where the next read of a socket goes. */
export interface SocketReader extends StreamReader {
  /** Whether the next read goes to the large buffer. */
  readonly wantsLargeReads: boolean;
  /**
   * Slab pages for the next read, after one of `count` bytes; undefined: it goes to a read buffer.
   * They are lent until they come back by `receivedRun` or `ended`.
   */
  lendRun(count: number): ReadRun | undefined;
  /** As `received`, in the run that was lent last. */
  receivedRun(count: number, goesOn: boolean): void;
}

const SLACK_BYTES = 64;

/** Reads by 'data' events: of streams that cannot read into memory of ours. */
export function readByData(stream: Duplex, reader: StreamReader, buffer: ReadBuffer): void {
  const { bytes, target } = buffer;
  stream.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += target.length) {
      const count = chunk.copy(bytes, 0, at, at + target.length);
      reader.received(buffer, count, true);
    }
  });
}

/** Tells the reader of the end, of which errors are only the reason. */
export function endWith(stream: Duplex, reader: StreamReader): void {
  // An error of a stream is always followed by 'close', which is where the connection ends.
  stream.on('error', ignore);
  stream.on('close', () => reader.ended());
}

function ignore(): void {}
