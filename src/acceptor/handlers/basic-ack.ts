// basic.ack (specification 1.8.3.13), hot: read in place. Acceptor thread.
import { OUTCOME_ACK } from '../../../shards/mailbox/to-shard-layout.ts';
import type { Channel } from '../channel.ts';

const MULTIPLE_BIT = 1;
const UINT32 = 0x1_0000_0000;

/** `at` is where the delivery tag begins. */
export function takeAck(channel: Channel, view: DataView, at: number): void {
  const high = view.getUint32(at);
  const low = view.getUint32(at + 4);
  const deliveryTag = high === 0 ? low : high * UINT32 + low;
  const multiple = (view.getUint8(at + 8) & MULTIPLE_BIT) !== 0;
  channel.settle(deliveryTag, multiple, OUTCOME_ACK);
}
