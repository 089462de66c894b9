// What an acceptor does with a delivery, up to a socket that takes everything at once: tagging and
// copying the frames that a shard has written, and framing a body that lies in a slab. One
// operation is one basic.deliver with header and body. Bench process.
import type { Socket } from 'node:net';
import {
  OutgoingContent,
  writeContent,
  writeDeliverMethod,
} from '../../src/acceptor/content-frames.ts';
import { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { allocateSlab } from '../../shards/mailbox/slab.ts';
import { copyBytes } from '../../src/base/copy.ts';
import { Output, OutputPool } from '../../src/acceptor/output.ts';
import {
  deliverFramesBytes,
  deliverHead,
  MessageData,
  tagDelivery,
  writeDeliverFrames,
} from '../../src/protocol/deliver-frames.ts';
import { ID_BASIC_DELIVER } from '../../src/protocol/methods.generated.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const DELIVERIES = 100;
const FRAME_MAX = 131_072;
const FRAMED_BODY_BYTES = [16, 1024];
const SLAB_BODY_BYTES = [4096, 65_536];
const TAG = Buffer.from('\u0005ctag1');
const EXRK_BYTES = 18;
const PROPS_BYTES = 3;

/** The socket's part of an Output. */
class EagerSocket {
  readonly destroyed = false;

  cork(): void {}

  uncork(): void {}

  write(_bytes: Uint8Array, callback?: () => void): boolean {
    callback?.();
    return true;
  }
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const bodyBytes of FRAMED_BODY_BYTES) {
    const { output } = outputFor(bodyBytes);
    const { bytes } = framed(bodyBytes);
    const batch = (): void => {
      let at = output.reserve(bytes.length);
      copyBytes(bytes, 0, output.bytes, at, bytes.length);
      for (let i = 0; i < DELIVERIES; i += 1) at = tagDelivery(output.view, at, i + 1);
      output.flush();
    };
    rows.push(await measure(`deliver frames, ${bodyBytes} B body`, DELIVERIES, options, batch));
  }
  for (const bodyBytes of SLAB_BODY_BYTES) {
    const { output, content } = outputFor(bodyBytes);
    const batch = (): void => {
      for (let i = 0; i < DELIVERIES; i += 1) {
        writeDeliverMethod(output, 1, ID_BASIC_DELIVER, TAG, i + 1, false, content);
        writeContent(output, 1, content, FRAME_MAX);
      }
      output.flush();
    };
    rows.push(await measure(`deliver from slab, ${bodyBytes} B body`, DELIVERIES, options, batch));
  }
  return rows;
}

/** What a shard leaves in the ring for as many deliveries. */
function framed(bodyBytes: number): { bytes: Buffer<SharedArrayBuffer>; view: DataView } {
  const head = deliverHead(1, TAG);
  const message = new MessageData();
  message.source = Buffer.alloc(EXRK_BYTES + PROPS_BYTES + bodyBytes);
  message.exrkBytes = EXRK_BYTES;
  message.propsBytes = PROPS_BYTES;
  message.bodyBytes = bodyBytes;
  const size = deliverFramesBytes(head, message, FRAME_MAX);
  const bytes = Buffer.from(new SharedArrayBuffer(size * DELIVERIES));
  const target = { bytes, view: new DataView(bytes.buffer) };
  for (let i = 0; i < DELIVERIES; i += 1) {
    writeDeliverFrames(target, i * size, head, message, false, 1, FRAME_MAX);
  }
  return target;
}

/** An output, and a message whose body lies in shared memory. */
function outputFor(bodyBytes: number): { output: Output; content: OutgoingContent } {
  const owner = { outputReady: () => {}, outputHandedOver: () => {}, outputFlushed: () => {} };
  const socket = new EagerSocket() as unknown as Socket;
  const content = new OutgoingContent();
  const allocator = new SlabAllocator(allocateSlab(bodyBytes + 64));
  content.source = Buffer.alloc(EXRK_BYTES);
  content.exrkBytes = EXRK_BYTES;
  content.slab = allocator.slab;
  content.slabPage = allocator.allocate(PROPS_BYTES + bodyBytes);
  content.propsBytes = PROPS_BYTES;
  content.bodyBytes = bodyBytes;
  return { output: new Output(socket, new OutputPool(), owner), content };
}
