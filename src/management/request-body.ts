// Reads the body of one request. Main thread. A client may send one with any request, and the
// connection can serve the next request only when it has been read; it is kept in memory only for
// a handler that asks for it, which none does before the user is known.
import type { IncomingMessage } from 'node:http';
import { badRequest, bodyTooLarge } from './http-refusal.ts';

export class RequestBody {
  private readonly request: IncomingMessage;
  private readonly bytesMax: number;
  private isTaken: boolean;

  constructor(request: IncomingMessage, bytesMax: number) {
    this.request = request;
    this.bytesMax = bytesMax;
    this.isTaken = false;
  }

  /** The whole body; rejects with a refusal as soon as it is known to be too large. */
  async read(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    await this.take((chunk) => chunks.push(chunk));
    return Buffer.concat(chunks);
  }

  /** Reads what nobody has asked for. */
  async discard(): Promise<void> {
    if (!this.isTaken) await this.take(() => {});
  }

  private take(onChunk: (chunk: Buffer) => void): Promise<void> {
    const { request, bytesMax } = this;
    this.isTaken = true;
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) {
      return Promise.reject(bodyTooLarge(bytesMax));
    }
    return new Promise((resolve, reject) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > bytesMax) {
          request.pause();
          reject(bodyTooLarge(bytesMax));
          return;
        }
        onChunk(chunk);
      });
      request.on('end', resolve);
      request.on('close', () => reject(badRequest('The request ended before its body')));
      request.on('error', () => {});
    });
  }
}
