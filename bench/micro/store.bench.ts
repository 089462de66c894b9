// What a shard does with a message besides delivering it: the ready list and the store. One
// operation is one message in and out again, with a thousand others between.
import { ReadyList } from '../../shards/queue/ready-list.ts';
import { MemoryStore } from '../../shards/store/memory-store.ts';
import { IncomingMessage } from '../../shards/store/message-store.ts';
import { type BenchOptions, type BenchRow, measure } from './bench-row.ts';

const MESSAGES = 1000;
const BODY_SIZES = [16, 1024, 16_384];

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const rows = [await pushPop(options)];
  for (const bodyBytes of BODY_SIZES) rows.push(await addRelease(bodyBytes, options));
  return rows;
}

function pushPop(options: BenchOptions): Promise<BenchRow> {
  const ready = new ReadyList();
  return measure('ready list push and pop', MESSAGES, options, () => {
    for (let i = 0; i < MESSAGES; i += 1) ready.append(i);
    while (!ready.isEmpty) ready.take();
  });
}

function addRelease(bodyBytes: number, options: BenchOptions): Promise<BenchRow> {
  const store = new MemoryStore(() => {});
  const handles = new Int32Array(MESSAGES);
  const message = new IncomingMessage();
  message.source = Buffer.from(new SharedArrayBuffer(bodyBytes + 64));
  message.exrkBytes = 18;
  message.propsBytes = 3;
  message.bodyBytes = bodyBytes;
  return measure(`store add and release, ${bodyBytes} B body`, MESSAGES, options, () => {
    for (let i = 0; i < MESSAGES; i += 1) handles[i] = store.add(message, 1);
    for (let i = 0; i < MESSAGES; i += 1) store.release(handles[i]);
  });
}
