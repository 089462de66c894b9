// Writes answers to HTTP responses. Main thread. An answer that fits one piece is sent with its
// length; a longer one goes out piece by piece, and the next piece is made only when the socket has
// taken the last one, so that a slow client costs one piece of memory.
import type { ServerResponse } from 'node:http';
import { JsonList } from './json-list.ts';

const NO_CONTENT = 204;
const PIECE_CHARACTERS = 64 * 1024;

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Resolves when everything has been handed to the socket, or the client has gone. */
export async function sendAnswer(response: ServerResponse, answer: Answer): Promise<void> {
  const pieces = piecesOf(answer.body);
  const first = pieces.next().value ?? '';
  const second = pieces.next();
  response.statusCode = answer.status;
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('x-content-type-options', 'nosniff');
  if (answer.contentType !== '') response.setHeader('content-type', answer.contentType);
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (second.done === true) {
    if (answer.status !== NO_CONTENT)
      response.setHeader('content-length', Buffer.byteLength(first));
    response.end(first);
    return;
  }
  // A HEAD request asks for what is known before the list has been written: no length.
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  await writePiece(response, first);
  await writePiece(response, second.value);
  for (const piece of pieces) {
    if (response.closed) return;
    await writePiece(response, piece);
  }
  response.end();
}

function* piecesOf(body: unknown): Generator<string, undefined> {
  if (body instanceof JsonList) yield* body.text(PIECE_CHARACTERS);
  else yield typeof body === 'string' ? body : JSON.stringify(body);
}

async function writePiece(response: ServerResponse, piece: string): Promise<void> {
  if (response.closed || response.write(piece)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
