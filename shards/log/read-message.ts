// A message as the log has read it, for the store. Shard thread; nothing is allocated. What a read
// leaves in its target: a head (flags, bytes of exchange and routing key, of properties, of body),
// then the data; of a message that goes to a slab some of them lie there.
import { PERSISTENT, READ_HEAD_BYTES, SPILLED } from '../../src/log/log.ts';
import { NO_PAGE } from '../mailbox/slab.ts';
import {
  DIED_FLAG,
  PERSISTENT_FLAG,
  PRIORITY_SHIFT,
  SLAB_FLAG,
  SPILLED_FLAG,
} from '../mailbox/to-shard-layout.ts';
import type { IncomingMessage } from '../store/message-store.ts';
import type { RecordTable } from './record-table.ts';

/** The target of a read, as bytes and as words. */
export interface ReadTarget {
  readonly target: Buffer<ArrayBuffer>;
  readonly words: Int32Array;
}

/** Fills `message` with the one whose head is at byte `at` and whose record is `row`. */
export function takeRead(
  message: IncomingMessage,
  { target, words }: ReadTarget,
  at: number,
  records: RecordTable,
  row: number,
  slabPage: number,
): void {
  const head = at >> 2;
  message.source = target;
  message.dataAt = at + READ_HEAD_BYTES;
  message.flags =
    ((words[head] & PERSISTENT) !== 0 ? PERSISTENT_FLAG : 0) |
    ((words[head] & SPILLED) !== 0 ? SPILLED_FLAG : 0) |
    (slabPage === NO_PAGE ? 0 : SLAB_FLAG) |
    (records.hasDied(row) ? DIED_FLAG : 0) |
    (records.priority(row) << PRIORITY_SHIFT);
  message.exrkBytes = words[head + 1];
  message.propsBytes = words[head + 2];
  message.bodyBytes = words[head + 3];
  message.slabPage = slabPage === NO_PAGE ? 0 : slabPage;
}
