// Parsing publishes: FrameReader over one read full of them, down to the call of Channel.publish
// (which here only counts). One operation is one publish: method, header and body frame. Bench
// process.
import type { Connection } from '../../src/acceptor/connection.ts';
import { FrameReader } from '../../src/acceptor/frame-reader.ts';
import { IncomingPublish } from '../../src/acceptor/publisher.ts';
import { contentHeaderFrame } from '../../src/protocol/properties.ts';
import { methodFrame } from '../../src/protocol/methods.generated.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const BODY_SIZES = [16, 1024];
const PUBLISHES = 100;

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const bodyBytes of BODY_SIZES) rows.push(await parse(bodyBytes, options));
  return rows;
}

function parse(bodyBytes: number, options: BenchOptions): Promise<BenchRow> {
  const frames = Buffer.concat(Array.from({ length: PUBLISHES }, () => publish(bodyBytes)));
  const memory = new ArrayBuffer(frames.length);
  const bytes = Buffer.from(memory);
  frames.copy(bytes);
  const view = new DataView(memory);
  const counting = new CountingConnection();
  const reader = new FrameReader(counting as unknown as Connection);
  return measure(`parse publish, ${bodyBytes} B body`, PUBLISHES, options, () => {
    counting.published = 0;
    reader.read(bytes, view, 0, bytes.length);
    if (counting.published !== PUBLISHES) throw new Error('not every publish was taken at once');
  });
}

/** As much of a connection and its channel 1 as the publish path looks at. */
class CountingConnection {
  readonly flow = { isStalled: false };
  readonly input = { isLarge: false };
  readonly payloadBytesMax = 131_072;
  readonly acceptor = { inlineBytesMax: 16_384, incoming: new IncomingPublish() };
  readonly channels = { publishing: () => this.channel };
  published = 0;
  private readonly channel = {
    number: 1,
    publish: (): boolean => {
      this.published += 1;
      return true;
    },
  };
}

function publish(bodyBytes: number): Buffer {
  const method = methodFrame(1, {
    name: 'basic.publish',
    exchange: 'orders',
    routingKey: 'eu.created',
    mandatory: false,
    immediate: false,
  });
  const body = Buffer.alloc(bodyBytes + 8);
  body.writeUInt8(3, 0);
  body.writeUInt16BE(1, 1);
  body.writeUInt32BE(bodyBytes, 3);
  body.writeUInt8(0xce, bodyBytes + 7);
  return Buffer.concat([method, contentHeaderFrame(1, bodyBytes, { deliveryMode: 2 }), body]);
}
