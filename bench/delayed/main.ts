// What a delayed message costs: publishes many that are due in some hours or days, with confirms,
// waits until they have moved to the depot, and prints how much the broker's memory has grown per
// message; then restarts the broker and prints what it takes to have them back. A process of its
// own beside the broker's. Linux only (/proc).
//
//     node bench/delayed/main.ts --messages 1000000 --size 1024 --hours 6
//
// Resident memory holds what the allocator has not given back, so it is read after a pause, and a
// first part of the messages (--warmup) is published before counting begins.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connect } from 'amqplib';
import { readUsage } from '../rivals/process-usage.ts';

const HOUR_MILLIS = 3_600_000;
const SPREAD_MILLIS = 24 * HOUR_MILLIS;
const EXCHANGE = 'warren-bench-delayed';
const UNCONFIRMED_MAX = 5000;
const SETTLE_MILLIS = 3000;
const STOWED_MILLIS_MAX = 300_000;
/** Longer than a few messages wait for more before they move. */
const STILL_MILLIS = 12_000;
const POLL_MILLIS = 500;
const START_MILLIS_MAX = 300_000;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    warmup: { type: 'string', default: '20000' },
    size: { type: 'string', default: '1024' },
    /** The first are due in so many, the last a day later. */
    hours: { type: 'string', default: '6' },
    broker: { type: 'string', default: 'src/cli/main.ts' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const numbers = [values.messages, values.warmup, values.size, values.hours].map(Number);
const [messages, warmup, size, hours] = numbers;
if (!numbers.every((value) => Number.isSafeInteger(value) && value >= 0)) {
  throw new Error('--messages, --warmup, --size and --hours are whole numbers');
}

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  readonly seconds: number;
}

async function start(dataDirectory: string): Promise<Started> {
  const from = performance.now();
  const args = [values.broker, 'server', '--port', '0', '--management-port', '0'];
  args.push('--data-dir', dataDirectory, ...values.set.flatMap((one) => ['--set', one]));
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the broker does not start')), START_MILLIS_MAX);
    child.once('exit', () => reject(new Error(`the broker has ended: ${output}`)));
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      const port = /amqp:\/\/\S*:(\d+)\s/u.exec(output)?.[1];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(`amqp://guest:guest@127.0.0.1:${port}`);
    });
  });
  return { child, url, seconds: (performance.now() - from) / 1000 };
}

async function stop({ child }: Started): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function residentBytes({ child }: Started): Promise<number> {
  await delay(SETTLE_MILLIS);
  return readUsage(child.pid!).rssBytes;
}

async function publish(url: string, count: number): Promise<void> {
  const client = await connect(url);
  const channel = await client.createConfirmChannel();
  const args = { 'x-delayed-type': 'direct' };
  await channel.assertExchange(EXCHANGE, 'x-delayed-message', { durable: true, arguments: args });
  const body = Buffer.alloc(size, 'd');
  let confirmed = 0;
  let wake = (): void => undefined;
  for (let sent = 0; sent < count; sent += 1) {
    // Due in no order, as with timers of many users.
    const spread = Math.floor(Math.random() * SPREAD_MILLIS);
    const headers = { 'x-delay': hours * HOUR_MILLIS + spread };
    channel.publish(EXCHANGE, 'k', body, { headers, persistent: true }, (error) => {
      if (error !== null) throw error as Error;
      confirmed += 1;
      wake();
    });
    if (sent - confirmed < UNCONFIRMED_MAX) continue;
    await new Promise<void>((resolve) => {
      wake = () => {
        if (sent - confirmed < UNCONFIRMED_MAX / 2) resolve();
      };
    });
  }
  await channel.waitForConfirms();
  await client.close();
}

/** Bytes of all files that hold what has moved out of the log. */
function depotBytes(dataDirectory: string): number {
  const depots = path.join(dataDirectory, 'delayed');
  if (!existsSync(depots)) return 0;
  let bytes = 0;
  for (const name of readdirSync(depots, { recursive: true, encoding: 'utf8' })) {
    const file = statSync(path.join(depots, name), { throwIfNoEntry: false });
    if (file?.isFile() === true) bytes += file.size;
  }
  return bytes;
}

/** Until so many messages are in the depot, and no more come. */
async function stowed(dataDirectory: string, count: number): Promise<void> {
  const from = performance.now();
  let bytes = -1;
  for (let stillMillis = 0; stillMillis < STILL_MILLIS; stillMillis += POLL_MILLIS) {
    if (performance.now() - from > STOWED_MILLIS_MAX) throw new Error('they do not move');
    const now = depotBytes(dataDirectory);
    if (now !== bytes || now < count * size) stillMillis = 0;
    bytes = now;
    await delay(POLL_MILLIS);
  }
}

function grown(before: number, after: number): string {
  const perMessage = ((after - before) / messages).toFixed(0);
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${mib(before)} -> ${mib(after)}: ${perMessage} bytes per message`;
}

const directory = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-delayed-'));
try {
  const first = await start(directory);
  await publish(first.url, warmup);
  await stowed(directory, warmup);
  const before = await residentBytes(first);
  const from = performance.now();
  await publish(first.url, messages);
  const seconds = (performance.now() - from) / 1000;
  const rate = Math.round(messages / seconds).toLocaleString('en');
  say(`published  ${messages} messages of ${size} bytes, confirmed, ${rate}/s`);
  await stowed(directory, warmup + messages);
  say(`memory     ${grown(before, await residentBytes(first))}`);
  await stop(first);
  const empty = await start(mkdtempSync(path.join(directory, 'empty-')));
  const emptyBytes = await residentBytes(empty);
  await stop(empty);
  const second = await start(directory);
  say(`restart    ${second.seconds.toFixed(1)} s, without any ${empty.seconds.toFixed(1)} s`);
  say(`memory     ${grown(emptyBytes, await residentBytes(second))}, against an empty broker`);
  await stop(second);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
