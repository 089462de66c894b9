// Walks over the data of one message, which may lie in several records and segments (docs/
// log-format.md, "Continued messages"). Main and shard threads, for reads and packs.
import * as log from '../log.ts';
import {
  BODY_HEADER_BYTES,
  paddedBytes,
  publishDataAt,
  publishDataBytes,
} from '../record-format.ts';
import { placeRecord } from '../record-writer.ts';
import type { FoundRecord, RecordSource } from './record-source.ts';

export interface MessagePlace {
  readonly position: number;
  /** Offset in the unpacked BLOCK, or -1. */
  readonly inner: number;
  readonly dataBytes: number;
}

/** Takes a record of the message and where in it the data are. False: enough, it goes wrong. */
export type TakePiece = (record: FoundRecord, dataAt: number, dataBytes: number) => boolean;

/** Gives all pieces in their order to `take`. False: the message is not there as a whole. */
export async function eachPiece(
  source: RecordSource,
  place: MessagePlace,
  ahead: number,
  segmentBytes: number,
  take: TakePiece,
): Promise<boolean> {
  const { position, inner, dataBytes } = place;
  const publish = await source.publish(position, inner, ahead);
  if (publish === undefined) return false;
  const { view, at } = publish;
  if (publishDataBytes(view, at) !== dataBytes) return false;
  let left = dataBytes - Math.min(dataBytes, log.PIECE_BYTES);
  if (inner >= 0 && left > 0) return false;
  let end = position + publish.bytes;
  if (!take(publish, publishDataAt(view, at), dataBytes - left)) return false;
  for (let index = 1; left > 0; index += 1) {
    const pieceBytes = Math.min(left, log.PIECE_BYTES);
    const recordBytes = paddedBytes(BODY_HEADER_BYTES + pieceBytes);
    const next = placeRecord(end, recordBytes, segmentBytes);
    const body = await source.body(next, index, pieceBytes);
    if (body === undefined) return false;
    if (!take(body, body.at + BODY_HEADER_BYTES, pieceBytes)) return false;
    end = next + body.bytes;
    left -= pieceBytes;
  }
  return true;
}
