// A process of its own that opens a log, works with it and closes it, again and again, and says what
// the process holds before and after (lifetime.test.ts). Arguments: implementation, directory.
// Nothing else keeps it alive: a log under which it ends has not kept its thread until it was done.
import { readdirSync } from 'node:fs';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { bodyOf, message } from './samples.ts';
import { readInline } from './reading.ts';
import { begunLog, type Implementation, SEGMENT_BYTES } from './test-log.ts';

const [, , kind, directory] = process.argv;
const MEMORY_BYTES = 2 * 1024 * 1024;
/** Until whatever is started once in a process has been. */
const WARM_CYCLES = 4;
const CYCLES = 24;
const LOOKS_MAX = 100;

export interface Held {
  readonly threads: number;
  readonly descriptors: number;
  readonly bufferBytes: number;
}

async function cycle(round: number): Promise<void> {
  const memories = [new Uint8Array(new SharedArrayBuffer(MEMORY_BYTES))];
  const opened = await begunLog(kind as Implementation, { directory, memories });
  const body = bodyOf(100_000, round);
  const samples = message({ targets: [[1, round]], body });
  // Once without asking for a sync: it comes later by itself, and nothing else is under way then.
  const [position] = opened.append(samples, round > 1);
  await opened.until(() => opened.synced === 1);
  const { dataBytes } = samples[0];
  const [read] = await readInline(opened, [{ position, inner: -1, dataBytes }]);
  if (read?.bodyBytes !== body.length) throw new Error('the log does not read what it wrote');
  const segment = Math.floor(position / SEGMENT_BYTES);
  if (segment > 1) opened.log.recycle(segment - 1);
  await opened.log.close();
}

function held(): Held {
  globalThis.gc!();
  return {
    threads: readdirSync('/proc/self/task').length,
    descriptors: readdirSync('/proc/self/fd').length,
    bufferBytes: process.memoryUsage().arrayBuffers,
  };
}

function isMore(after: Held, before: Held): boolean {
  const { threads, descriptors, bufferBytes } = before;
  if (after.threads > threads || after.descriptors > descriptors) return true;
  return after.bufferBytes > bufferBytes + MEMORY_BYTES / 2;
}

for (let round = 1; round <= WARM_CYCLES; round += 1) await cycle(round);
await eventLoopTurn();
const before = held();
for (let round = 1; round <= CYCLES; round += 1) await cycle(WARM_CYCLES + round);
// The kernel may show a joined thread for a moment, and buffers go after a turn of the event loop.
let after = held();
for (let look = 0; look < LOOKS_MAX && isMore(after, before); look += 1) {
  await eventLoopTurn();
  after = held();
}
process.stdout.write(JSON.stringify({ before, after, isMore: isMore(after, before) }));
