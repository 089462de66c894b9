// Records for the tests of the log, as its users encode them: without checksum and tag.
import * as log from '../../../src/log/log.ts';
import { RecordWriter } from '../../../src/log/record-writer.ts';

/** One record and what a scan says of it. */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly kind: number;
  readonly flags: number;
  readonly dataBytes: number;
  readonly extra: readonly number[];
}

export interface MessageSpec {
  readonly targets?: readonly (readonly [queue: number, sequence: number])[];
  readonly exrk?: Uint8Array;
  readonly props?: Uint8Array;
  readonly body?: Uint8Array;
  readonly flags?: number;
}

export const EXRK = Buffer.from('\u0003amq\u0005a.b.c', 'latin1');
export const PROPS = Buffer.from('\u0080\u0000\u000Atext/plain', 'latin1');

/** Bytes that differ from place to place and from seed to seed, and can be compressed or not. */
export function bodyOf(bytes: number, seed: number, isRandom = false): Buffer {
  const body = Buffer.alloc(bytes);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < bytes; at += 1) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    body[at] = isRandom ? state >>> 16 : 97 + ((at + seed) % 23);
  }
  return body;
}

export function streamOf(spec: MessageSpec): Buffer {
  return Buffer.concat([spec.exrk ?? EXRK, spec.props ?? PROPS, spec.body ?? Buffer.alloc(0)]);
}

/** The PUBLISH record of a message, and its BODY records when it is long. */
export function message(spec: MessageSpec): Sample[] {
  const targets = spec.targets ?? [[1, 1]];
  const stream = streamOf(spec);
  const first = stream.subarray(0, log.PIECE_BYTES);
  const isLong = stream.byteLength > log.PIECE_BYTES;
  const flags = (spec.flags ?? log.PERSISTENT) | (isLong ? log.CONTINUED : 0);
  const bytes = log.PUBLISH_HEADER_BYTES + targets.length * 8 + first.byteLength;
  const samples = [
    encode(log.PUBLISH, flags, targets.length, bytes, stream.byteLength, (writer) => {
      writer.word((spec.exrk ?? EXRK).byteLength);
      writer.word((spec.props ?? PROPS).byteLength);
      writer.word(spec.body?.byteLength ?? 0);
      writer.word(0);
      for (const word of targets.flat()) writer.word(word);
      writer.put(first);
    }),
  ];
  for (let at = log.PIECE_BYTES, index = 1; at < stream.byteLength; index += 1) {
    const piece = stream.subarray(at, at + log.PIECE_BYTES);
    samples.push(
      encode(log.BODY, 0, 0, 24 + piece.byteLength, piece.byteLength, (writer) => {
        writer.word(index);
        writer.word(piece.byteLength);
        writer.copy(piece, 0, piece.byteLength);
      }),
    );
    at += log.PIECE_BYTES;
  }
  return samples;
}

export function ack(...words: readonly number[]): Sample {
  return encode(log.ACK, 0, words.length / 3, 16 + words.length * 4, 0, (writer) => {
    for (const word of words) writer.word(word);
  });
}

export function count(...words: readonly number[]): Sample {
  return encode(log.COUNT, 0, words.length / 3, 16 + words.length * 4, 0, (writer) => {
    for (const word of words) writer.word(word);
  });
}

function imported(storeId: Uint8Array, number: number, flags: number): Sample {
  return encode(log.IMPORT, flags, 0, 40, 0, (writer) => {
    writer.put(storeId);
    writer.word(number);
    writer.word(0);
  });
}

export function change(flags: number, payload: object): Sample {
  const json = Buffer.from(JSON.stringify(payload));
  return encode(log.CHANGE, flags, 0, 24 + json.byteLength, json.byteLength, (writer) => {
    writer.word(json.byteLength);
    writer.word(0);
    writer.put(json);
  });
}

export function checkpoint(position: number, queues: number, wasClean: boolean): Sample {
  return encode(log.CHECKPOINT, 0, 0, 32, 0, (writer) => {
    writer.long(position);
    writer.word(queues);
    writer.word(wasClean ? 1 : 0);
  });
}

export function queue(
  id: number,
  next: number,
  ranges: readonly (readonly [first: number, howMany: number])[],
  counts: readonly (readonly [sequence: number, deliveries: number])[],
): Sample {
  const bytes = 32 + (ranges.length + counts.length) * 8;
  return encode(log.QUEUE, 0, 0, bytes, 0, (writer) => {
    for (const word of [id, next, ranges.length, counts.length]) writer.word(word);
    for (const word of [...ranges, ...counts].flat()) writer.word(word);
  });
}

/** One of each kind that users write by themselves, all padded differently. */
export function everyKind(): Sample[] {
  return [
    ...message({ targets: [[1, 7]], body: bodyOf(5, 1) }),
    ...message({
      targets: [
        [1, 8],
        [2 ** 31 + 2, 2 ** 32 - 1],
      ],
      flags: log.PERSISTENT | log.SPILLED,
      body: bodyOf(300, 2),
    }),
    ...message({ targets: [], exrk: Buffer.of(0, 0), props: Buffer.of(0, 0) }),
    ack(1, 7, 1),
    ack(1, 2, 3, 4, 5, 6),
    count(9, 8, 7),
    imported(bodyOf(16, 3), 3, 0),
    imported(bodyOf(16, 3), 3, log.IMPORT_END),
    change(log.SNAPSHOT_BEGIN, {}),
    change(0, { queue: 'größe' }),
    change(log.SNAPSHOT_END, { x: 1 }),
  ];
}

/** A CHANGE record of exactly so many bytes. */
export function filler(bytes: number): Sample {
  const record = new Uint8Array(bytes);
  const view = new DataView(record.buffer);
  view.setUint32(4, bytes, true);
  record[8] = log.CHANGE;
  view.setUint32(16, bytes - 24, true);
  record.fill(120, 24);
  const extra = [...new Int32Array(record.buffer, 16)];
  return { bytes: record, kind: log.CHANGE, flags: 0, dataBytes: bytes - 24, extra };
}

/** The records one behind the other. */
export function joined(samples: readonly Sample[]): Uint8Array {
  return Buffer.concat(samples.map(({ bytes }) => bytes));
}

function encode(
  kind: number,
  flags: number,
  items: number,
  bytes: number,
  dataBytes: number,
  write: (writer: RecordWriter) => void,
): Sample {
  const writer = new RecordWriter(16);
  writer.begin(kind, flags, items, bytes);
  write(writer);
  const record = Uint8Array.from(writer.bytes.subarray(0, writer.used));
  return { bytes: record, kind, flags, dataBytes, extra: extraOf(record) };
}

/** What a scan hands out of a record, as docs of Scan.entries say. */
function extraOf(record: Uint8Array): number[] {
  const view = new DataView(record.buffer);
  const kind = record[8];
  if (kind === log.BODY || kind === log.BLOCK) return [];
  const from = kind === log.PUBLISH ? log.PUBLISH_HEADER_BYTES : log.RECORD_HEADER_BYTES;
  const to = kind === log.PUBLISH ? from + view.getUint16(10, true) * 8 : record.byteLength;
  const words: number[] = [];
  for (let at = from; at < to; at += 4) words.push(view.getInt32(at, true));
  return words;
}

/** A record as a pack has made it. */
export function packed(bytes: Uint8Array): Sample {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isBody = bytes[8] === log.BODY;
  const copy = Uint8Array.from(bytes);
  return {
    bytes: copy,
    kind: bytes[8],
    flags: bytes[9],
    dataBytes: isBody ? view.getUint32(20, true) : 0,
    extra: extraOf(copy),
  };
}
