// Writes PUBLISH records into the rings to the shards. Acceptor thread, hot path: nothing is
// allocated. What a record holds: shards/mailbox/to-shard-layout.ts.
import { LANE_MEMORY } from '../../shards/mailbox/confirm-counter.ts';
import {
  EXPIRES_FLAG,
  LANE_SHIFT,
  OWN_PROPS_FLAG,
  PERSISTENT_FLAG,
  PUBLISH_BODY_BYTES,
  PUBLISH_EXRK_BYTES,
  PUBLISH_FLAGS,
  PUBLISH_PROPS_BYTES,
  PUBLISH_SLAB_PAGE,
  PUBLISH_TARGET_COUNT,
  PUBLISH_TARGETS,
  publishDataWord,
  publishRecordBytes,
  SLAB_FLAG,
  traitWords,
  writeTtl,
} from '../../shards/mailbox/to-shard-layout.ts';
import { copyBytes } from '../base/copy.ts';
import type { IncomingPublish } from './publisher.ts';
import type { RouteLeg } from './route.ts';

/** Only persistent messages are kept on disk. */
export function laneFor(leg: RouteLeg, flags: number): number {
  return (flags & PERSISTENT_FLAG) === 0 ? LANE_MEMORY : leg.lane;
}

/** How large the record of a leg will be. */
export function publishBytes(message: IncomingPublish, leg: RouteLeg, flags: number): number {
  return recordBytes(message, leg.queueIds.length, flagsFor(leg, flags));
}

function flagsFor(leg: RouteLeg, flags: number): number {
  return leg.isDelay ? flags | EXPIRES_FLAG : flags;
}

function recordBytes(message: IncomingPublish, targetCount: number, flags: number): number {
  const { exrkBytes, propsBytes, bodyBytes } = message;
  let bytes = exrkBytes + propsBytes + bodyBytes;
  if ((flags & SLAB_FLAG) !== 0) bytes -= bodyBytes;
  if ((flags & (SLAB_FLAG | OWN_PROPS_FLAG)) === SLAB_FLAG) bytes -= propsBytes;
  return publishRecordBytes(targetCount + traitWords(flags), bytes);
}

/** Writes the record of one leg; false when its ring has no room. EXPIRES_FLAG: `ttlMillis`. */
export function writePublish(
  message: IncomingPublish,
  leg: RouteLeg,
  ofMessage: number,
  ttlMillis: number,
): boolean {
  const { link, queueIds } = leg;
  const flags = flagsFor(leg, ofMessage);
  const { words, bytes } = link.work;
  const lane = laneFor(leg, flags);
  const targetCount = queueIds.length;
  const at = link.claimPublish(recordBytes(message, targetCount, flags), lane);
  if (at < 0) return false;
  const { exrkBytes, propsBytes, bodyBytes } = message;
  words[at + PUBLISH_FLAGS] = flags | (lane << LANE_SHIFT);
  words[at + PUBLISH_EXRK_BYTES] = exrkBytes;
  words[at + PUBLISH_PROPS_BYTES] = propsBytes;
  words[at + PUBLISH_BODY_BYTES] = bodyBytes;
  words[at + PUBLISH_SLAB_PAGE] = message.slabPage;
  words[at + PUBLISH_TARGET_COUNT] = targetCount;
  for (let i = 0; i < targetCount; i += 1) words[at + PUBLISH_TARGETS + i] = queueIds[i];
  const traits = traitWords(flags);
  if (traits > 0) {
    writeTraits(
      words,
      at + PUBLISH_TARGETS + targetCount,
      flags,
      message,
      leg.isDelay ? message.delayMillis : ttlMillis,
    );
  }
  const dataAt = (at + publishDataWord(targetCount + traits)) * 4;
  copyBytes(message.bytes, message.exrkAt, bytes, dataAt, exrkBytes);
  if (message.slabPage >= 0 && message.slabSkip < 0) return true;
  copyBytes(message.propsSource, message.propsAt, bytes, dataAt + exrkBytes, propsBytes);
  if (message.slabPage >= 0) return true;
  copyBytes(message.bytes, message.bodyAt, bytes, dataAt + exrkBytes + propsBytes, bodyBytes);
  return true;
}

function writeTraits(
  words: Int32Array,
  from: number,
  flags: number,
  message: IncomingPublish,
  ttlMillis: number,
): void {
  let at = from;
  if ((flags & EXPIRES_FLAG) !== 0) {
    writeTtl(words, at, ttlMillis);
    at += 2;
  }
  if ((flags & OWN_PROPS_FLAG) !== 0) words[at] = message.slabSkip;
}
