// basic.return and basic.get-ok: the content methods that are not hot. Acceptor thread.
// Also reads DELIVER and GOT records, for both ways of sending a message.
import { DELIVER_DATA } from '../../shards/mailbox/from-shard-layout.ts';
import * as layout from '../../shards/mailbox/from-shard-layout.ts';
import type { Slab } from '../../shards/mailbox/slab.ts';
import type { RingConsumer } from '../../shards/ring/ring-consumer.ts';
import {
  OWN_PROPS_FLAG,
  REDELIVERED_FLAG,
  SLAB_FLAG,
} from '../../shards/mailbox/to-shard-layout.ts';
import { ID_BASIC_GET_OK, ID_BASIC_RETURN } from '../protocol/methods.generated.ts';
import { WireWriter } from '../protocol/wire-writer.ts';
import type { Channel } from './channel.ts';
import { OutgoingContent, writeContent, writeContentMethod } from './content-frames.ts';
import type { IncomingPublish } from './publisher.ts';

const NO_ROUTE = 312;
const NOTHING = Buffer.alloc(0);

/** basic.return: reply-code, reply-text, exchange, routing-key, then the content (1.8.3.9). */
export function writeReturn(channel: Channel, message: IncomingPublish): void {
  const { connection } = channel;
  const content = new OutgoingContent();
  const isSlab = message.slabPage >= 0;
  const { slab } = connection.acceptor;
  content.source = message.bytes;
  content.hasOwnProps = isSlab;
  content.exrkAt = message.exrkAt;
  content.exrkBytes = message.exrkBytes;
  content.propsAt = message.propsAt;
  content.propsBytes = message.propsBytes;
  content.bodyAt = message.bodyAt;
  content.bodyBytes = message.bodyBytes;
  if (message.propsSource !== message.bytes) gather(message, content);
  if (isSlab) content.slab = slab.slab;
  content.slabPage = message.slabPage;
  // Behind the properties that the client has sent; those it gets back are in `source`.
  content.slabSkip = message.slabSkip >= 0 ? message.slabSkip : message.propsBytes;
  const head = new WireWriter();
  head.short(NO_ROUTE);
  head.shortString('NO_ROUTE');
  const { output } = connection;
  writeContentMethod(output, channel.number, ID_BASIC_RETURN, head.take(), content, NOTHING);
  writeContent(output, channel.number, content, connection.frameMax);
}

/** Brings together what does not lie in one buffer: the properties were rewritten. */
function gather(message: IncomingPublish, content: OutgoingContent): void {
  const { bytes, exrkAt, exrkBytes, propsSource, propsAt, propsBytes, bodyAt, bodyBytes } = message;
  const inlineBodyBytes = message.slabPage >= 0 ? 0 : bodyBytes;
  content.source = Buffer.concat([
    bytes.subarray(exrkAt, exrkAt + exrkBytes),
    propsSource.subarray(propsAt, propsAt + propsBytes),
    bytes.subarray(bodyAt, bodyAt + inlineBodyBytes),
  ]);
  content.exrkAt = 0;
  content.propsAt = exrkBytes;
  content.bodyAt = exrkBytes + propsBytes;
}

/** Describes the message of a DELIVER or GOT record. */
export function readRecord(
  ring: RingConsumer,
  at: number,
  slabs: readonly Slab[],
  content: OutgoingContent,
): void {
  const { words, bytes } = ring;
  const dataAt = (at + DELIVER_DATA) * 4;
  const exrkBytes = words[at + layout.DELIVER_EXRK_BYTES];
  const propsBytes = words[at + layout.DELIVER_PROPS_BYTES];
  content.source = bytes;
  content.exrkAt = dataAt;
  content.exrkBytes = exrkBytes;
  content.propsBytes = propsBytes;
  content.bodyBytes = words[at + layout.DELIVER_BODY_BYTES];
  content.propsAt = dataAt + exrkBytes;
  content.bodyAt = content.propsAt + propsBytes;
  const isSlab = (words[at + layout.DELIVER_FLAGS] & SLAB_FLAG) !== 0;
  content.slab = isSlab ? slabs[words[at + layout.DELIVER_SLAB_OWNER]] : null;
  content.slabPage = words[at + layout.DELIVER_SLAB_PAGE];
  content.slabSkip = words[at + layout.DELIVER_SLAB_SKIP];
  content.hasOwnProps = (words[at + layout.DELIVER_FLAGS] & OWN_PROPS_FLAG) !== 0;
}

/**
 * basic.get-ok: delivery-tag, redelivered, exchange, routing-key, message-count (1.8.3.10).
 * Returns what `writeContent` does.
 */
export function writeGetOk(
  channel: Channel,
  deliveryTag: number,
  words: Int32Array,
  at: number,
  content: OutgoingContent,
): boolean {
  const { output, frameMax } = channel.connection;
  const head = new WireWriter();
  head.longlong(deliveryTag);
  head.octet((words[at + layout.DELIVER_FLAGS] & REDELIVERED_FLAG) !== 0 ? 1 : 0);
  const tail = new WireWriter();
  tail.long(words[at + layout.DELIVER_REMAINING]);
  writeContentMethod(output, channel.number, ID_BASIC_GET_OK, head.take(), content, tail.take());
  return writeContent(output, channel.number, content, frameMax);
}
