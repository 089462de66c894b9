// The socket of a client that is in this very process: its bytes come and go by a MessagePort.
// Acceptor thread; cold. To a connection it is a socket like any other. Each message is one piece
// of the stream; null is the end of it.
import { Duplex } from 'node:stream';
import type { MessagePort } from 'node:worker_threads';

export class DirectSocket extends Duplex {
  private readonly port: MessagePort;

  constructor(port: MessagePort) {
    super({ emitClose: true });
    this.port = port;
    port.on('message', (piece: Uint8Array | null) => {
      this.push(piece === null ? null : Buffer.from(piece));
    });
    // The other side is gone without a word, or the thread ends.
    port.on('close', () => this.destroy());
  }

  /** All that has come is pushed at once; a port cannot be told to wait. */
  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    // A copy: what is sent may lie in shared memory, which its owner uses again.
    this.port.postMessage(Uint8Array.from(chunk));
    done();
  }

  override _final(done: () => void): void {
    this.port.postMessage(null);
    done();
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.port.close();
    done();
  }
}
