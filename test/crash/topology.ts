// Test process. The queues and the exchange of a crash run. All are durable: after a restart they
// must be there without anybody declaring them again.
import type { LoadConnection } from '../../bench/load/connection.ts';
import {
  EMPTY_TABLE,
  METHOD,
  methodFrame,
  readU32,
  shortString,
  u16,
  u8,
} from '../../bench/load/frames.ts';
import { bindQueue, declareQueue } from '../../bench/load/topology.ts';
import type { MessageMix } from './message-plan.ts';

export const FANOUT_EXCHANGE = 'crash-fanout';
const PASSIVE = 1;
const DURABLE = 2;

export function queueName(queue: number): string {
  return `crash-${queue}`;
}

export async function declareAll(control: LoadConnection, mix: MessageMix): Promise<void> {
  const exchange = methodFrame(
    1,
    METHOD.exchangeDeclare,
    u16(0),
    shortString(FANOUT_EXCHANGE),
    shortString('fanout'),
    u8(DURABLE),
    EMPTY_TABLE,
  );
  await control.call(exchange, METHOD.exchangeDeclareOk);
  for (let queue = 0; queue < mix.queues; queue += 1) {
    const name = queueName(queue);
    await control.call(declareQueue(name, true), METHOD.queueDeclareOk);
    if (queue >= mix.fanoutQueues) continue;
    await control.call(bindQueue(name, FANOUT_EXCHANGE, ''), METHOD.queueBindOk);
  }
}

/** Ready messages of a queue that must exist: otherwise the channel is closed with 404. */
export async function readyMessages(control: LoadConnection, queue: number): Promise<number> {
  const name = queueName(queue);
  const passive = methodFrame(
    1,
    METHOD.queueDeclare,
    u16(0),
    shortString(name),
    u8(PASSIVE),
    EMPTY_TABLE,
  );
  const ok = await control.call(passive, METHOD.queueDeclareOk);
  return readU32(ok, 5 + Buffer.byteLength(name));
}

/** Ready messages of the queues together. */
export async function readyInAll(
  control: LoadConnection,
  queues: readonly number[],
): Promise<number> {
  let sum = 0;
  for (const queue of queues) sum += await readyMessages(control, queue);
  return sum;
}
