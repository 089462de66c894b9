// basic.qos, basic.consume and single acks, for consumers that are not the hot one of a plain load.
// Generator's process.
// Invariant: frames already go to the consumer's own sink when it consumes, because deliveries may
// share a chunk with consume-ok.
import type { LoadConnection } from './connection.ts';
import {
  EMPTY_TABLE,
  METHOD,
  methodFrame,
  readU32,
  shortString,
  u16,
  u32,
  u64,
  u8,
} from './frames.ts';

export async function consume(
  connection: LoadConnection,
  queue: string,
  prefetch: number,
  noAck: boolean,
): Promise<void> {
  if (prefetch > 0) {
    const qos = methodFrame(1, METHOD.basicQos, u32(0), u16(prefetch), u8(0));
    await connection.call(qos, METHOD.basicQosOk);
  }
  const request = methodFrame(
    1,
    METHOD.basicConsume,
    u16(0),
    shortString(queue),
    shortString('c'),
    u8(noAck ? 2 : 0),
    EMPTY_TABLE,
  );
  await connection.call(request, METHOD.basicConsumeOk);
}

/** The delivery tag of a basic.deliver that starts at `start`: exact up to 2^53. */
export function deliveryTagOf(bytes: Buffer, start: number): number {
  // After the method id comes the consumer tag, a short string, then the delivery tag.
  const at = start + 5 + bytes[start + 4];
  return readU32(bytes, at) * 2 ** 32 + readU32(bytes, at + 4);
}

export function writeAck(connection: LoadConnection, tag: number): void {
  connection.socket.write(methodFrame(1, METHOD.basicAck, u64(tag), u8(0)));
}
