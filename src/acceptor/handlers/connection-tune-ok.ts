// connection.tune-ok (specification 1.4.2.6). Acceptor thread. A client may lower what was offered,
// not raise it; 0 means no limit and is refused where the broker has one.
import { tuneOutOfRange } from '../../errors/connection-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import type { Connection } from '../connection.ts';

/** What frame_max 0 (no limit) on both sides comes to: sizes are checked before allocation. */
const FRAME_MAX_UNLIMITED = 16 * 1024 * 1024;

export function connectionTuneOk(
  connection: Connection,
  method: MethodOf<'connection.tune-ok'>,
): void {
  const { config } = connection.acceptor;
  checkLimit('frame_max', method.frameMax, config.frameMax);
  checkLimit('channel_max', method.channelMax, config.channelMax);
  if (method.frameMax !== 0 && method.frameMax < config.frameMaxFloor) {
    throw new AmqpError(
      tuneOutOfRange('frame_max', method.frameMax, 'lower than the minimum', config.frameMaxFloor),
    );
  }
  connection.setFrameMax(method.frameMax === 0 ? FRAME_MAX_UNLIMITED : method.frameMax);
  connection.channelMax = method.channelMax === 0 ? 0xffff : method.channelMax;
  connection.heartbeat.start(method.heartbeat);
  connection.state = 'open';
}

function checkLimit(field: string, received: number, offered: number): void {
  if (offered === 0) return;
  if (received === 0 || received > offered) {
    throw new AmqpError(tuneOutOfRange(field, received, 'higher than the maximum', offered));
  }
}
