// Test thread. What a refusal must look like, for `toEqual`. Texts are matched from the start,
// because clients' test suites compare them; WarrenMQ may add what to do about it behind RabbitMQ's
// words.
import { expect } from 'vitest';

const CODE_NAMES: Readonly<Record<number, string>> = {
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
};

/** channel.close with this code and a text that begins with the code's name and `text`. */
export function channelRefusal(code: number, text = ''): unknown {
  return refusal('channel', code, text);
}

/** connection.close with this code and a text that begins with the code's name and `text`. */
export function connectionRefusal(code: number, text = ''): unknown {
  return refusal('connection', code, text);
}

function refusal(scope: string, code: number, text: string): unknown {
  const start = `${CODE_NAMES[code]} - ${text}`.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return expect.objectContaining({ scope, code, text: expect.stringMatching(`^${start}`) });
}
