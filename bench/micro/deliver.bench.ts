// Framing deliveries into a connection's output, whose socket takes everything at once. One
// operation is one basic.deliver with header and body. Bench process.
import type { Socket } from 'node:net';
import {
  OutgoingContent,
  writeContent,
  writeDeliverMethod,
} from '../../src/acceptor/content-frames.ts';
import { Output, OutputPool } from '../../src/acceptor/output.ts';
import { ID_BASIC_DELIVER } from '../../src/protocol/methods.generated.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const DELIVERIES = 100;
const FRAME_MAX = 131_072;
const CASES: readonly [name: string, bodyBytes: number, isShared: boolean][] = [
  ['16 B body', 16, false],
  ['1024 B body', 1024, false],
  ['16384 B body', 16_384, false],
  ['65536 B body from the slab', 65_536, true],
];

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
  for (const [name, bodyBytes, isShared] of CASES) {
    const { output, content } = outputFor(bodyBytes, isShared);
    const tag = Buffer.from('\u0005ctag1');
    const batch = (): void => {
      for (let i = 0; i < DELIVERIES; i += 1) {
        writeDeliverMethod(output, 1, ID_BASIC_DELIVER, tag, i + 1, false, content);
        writeContent(output, 1, content, FRAME_MAX);
      }
      output.flush();
    };
    rows.push(await measure(`frame delivery, ${name}`, DELIVERIES, options, batch));
  }
  return rows;
}

function outputFor(
  bodyBytes: number,
  isShared: boolean,
): { output: Output; content: OutgoingContent } {
  const owner = { outputReady: () => {}, outputHandedOver: () => {}, outputFlushed: () => {} };
  const socket = new EagerSocket() as unknown as Socket;
  const content = new OutgoingContent();
  content.source = Buffer.from(new SharedArrayBuffer(bodyBytes + 64));
  content.exrkBytes = 18;
  content.contentSource = content.source;
  content.propsAt = 18;
  content.propsBytes = 3;
  content.bodyAt = 21;
  content.bodyBytes = bodyBytes;
  content.isShared = isShared;
  return { output: new Output(socket, new OutputPool(), owner), content };
}
