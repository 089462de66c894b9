// A process of its own with a portable log on a full disk (lifetime.test.ts): says whether a timer
// keeps the process alive while the log merely has no spare, and while a batch waits for one.
// Argument: directory.
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { bodyOf, message } from './samples.ts';
import { begunLog, SEGMENT_BYTES } from './test-log.ts';

const LOOKS_MAX = 10_000;
const [, , directory] = process.argv;
const opened = await begunLog('portable', { directory, faults: `write-full:${SEGMENT_BYTES}` });

const isKeptAlive = (): boolean => process.getActiveResourcesInfo().includes('Timeout');

await opened.until(() => opened.space.length > 0);
await eventLoopTurn();
const atRest = isKeptAlive();
for (let at = 0; at < 8; at += 1) {
  opened.append(message({ targets: [[1, at]], body: bodyOf(200_000, at) }));
}
let waiting = false;
for (let look = 0; look < LOOKS_MAX && !waiting; look += 1) {
  await eventLoopTurn();
  waiting = isKeptAlive();
}
process.stdout.write(JSON.stringify({ atRest, waiting }));
await opened.log.close();
