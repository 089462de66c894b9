// Reads request bodies. Main thread. No resource takes one yet, but a client may send one with any
// request, and the connection can serve the next request only when it has been read.
import type { IncomingMessage } from 'node:http';
import { badRequest, bodyTooLarge } from './http-refusal.ts';

/** Resolves at the body's end; rejects with a refusal as soon as it is known to be too large. */
export function discardBody(request: IncomingMessage, bytesMax: number): Promise<void> {
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
      }
    });
    request.on('end', resolve);
    request.on('close', () => reject(badRequest('The request ended before its body')));
    request.on('error', () => {});
  });
}
