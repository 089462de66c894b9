// `warrenmq inspect` on what real brokers leave behind: after a stop, after kill -9, while one runs,
// and with bits flipped. Its figures are those of what was published, it names what is corrupt, and
// it changes nothing: it runs under a Node that may not write to files at all.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InspectReport, QueueReport } from '../../src/cli/inspect/report.ts';
import { TestBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** Node's permission model: reads only. */
const MAY_ONLY_READ = [
  '--permission',
  '--allow-fs-read=*',
  '--allow-worker',
  '--allow-addons',
  '--no-warnings',
];
const PERSISTENT = { deliveryMode: 2 };
const SMALL = 200;
const FANNED_OUT = 10;
const ACKED = 50;
const LARGE_BYTES = 700_000;
const CHURNED = 500;
const CHURN_BYTES = 8192;
const FILL_MILLIS_MAX = 90_000;

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function inspect(...args: string[]): Promise<Answer> {
  const main = path.join(ROOT, 'src/cli/main.ts');
  const child = spawn(process.execPath, [...MAY_ONLY_READ, main, 'inspect', ...args]);
  let out = '';
  let error = '';
  child.stdout.on('data', (bytes) => (out += bytes));
  child.stderr.on('data', (bytes) => (error += bytes));
  const [code] = await once(child, 'close');
  return { code, out, error };
}

async function reportOf(directory: string, ...args: string[]): Promise<InspectReport> {
  const { out, error } = await inspect(directory, '--json', ...args);
  expect(error).toBe('');
  return JSON.parse(out);
}

/** Names, contents and times of everything in a directory. */
function stateOf(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const file = path.join(directory, name);
      const { mtimeMs, ctimeMs, size, mode } = fs.statSync(file);
      const isFile = fs.statSync(file).isFile();
      const hash = isFile ? createHash('sha1').update(fs.readFileSync(file)).digest('hex') : '';
      return [name, mtimeMs, ctimeMs, size, mode, hash].join(' ');
    });
}

function queue(report: InspectReport, name: string): QueueReport {
  return report.queues.find((one) => one.name === name)!;
}

/** exrk as two short strings, a content header with delivery mode (flags, octet), the body. */
function dataBytes(exchange: string, key: string, bodyBytes: number): number {
  return 1 + exchange.length + 1 + key.length + 3 + bodyBytes;
}

async function fill(broker: TestBroker): Promise<void> {
  const channel = await broker.channel();
  for (const name of ['orders', 'audit', 'idle']) {
    await channel.call('queue.declare', { queue: name, durable: true });
  }
  await channel.call('queue.declare', { queue: 'passing', durable: false });
  await channel.call('exchange.declare', { exchange: 'all', type: 'fanout', durable: true });
  await channel.call('queue.bind', { queue: 'orders', exchange: 'all', routingKey: '' });
  await channel.call('queue.bind', { queue: 'audit', exchange: 'all', routingKey: '' });
  await channel.call('confirm.select', {});
  for (let i = 0; i < SMALL; i += 1) {
    channel.publish({ exchange: '', routingKey: 'orders' }, 'hello', PERSISTENT);
  }
  for (let i = 0; i < FANNED_OUT; i += 1) {
    channel.publish({ exchange: 'all', routingKey: '' }, 'to both', PERSISTENT);
  }
  channel.publish({ exchange: '', routingKey: 'audit' }, Buffer.alloc(LARGE_BYTES, 7), PERSISTENT);
  await confirmsUpTo(channel, SMALL + FANNED_OUT + 1);
}

/** Waits until the messages up to this one on the channel are confirmed, which come in order. */
async function confirmsUpTo(channel: RawChannel, tag: number): Promise<void> {
  for (;;) {
    const { fields } = await channel.expect('basic.ack');
    if (fields.deliveryTag >= tag) return;
  }
}

async function ackSome(broker: TestBroker): Promise<void> {
  const channel = await broker.channel();
  for (let i = 0; i < ACKED; i += 1) {
    channel.send('basic.get', { queue: 'orders', noAck: true });
    await channel.expect('basic.get-ok');
  }
}

const directories: string[] = [];

function newDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-inspect-'));
  directories.push(directory);
  return directory;
}

function copyOf(directory: string): string {
  const copy = newDirectory();
  fs.cpSync(directory, copy, { recursive: true });
  return copy;
}

function flipBit(file: string, offset: number): void {
  const bytes = fs.readFileSync(file);
  bytes[offset] ^= 4;
  fs.writeFileSync(file, bytes);
}

afterAll(() => {
  for (const directory of directories) fs.rmSync(directory, { recursive: true, force: true });
});

// With one shard a message for two queues is one record, with two it is one in each log.
describe('a store that was stopped (two shards), and one that was killed (one shard)', () => {
  const stopped = newDirectory();
  const killed = newDirectory();
  let whileRunning: InspectReport;
  /** Of the stopped one, with all its records. */
  let left: InspectReport;

  beforeAll(async () => {
    const set = { 'storage.segment_bytes': '1MiB' };
    const first = new TestBroker();
    await first.start({ dataDirectory: stopped, shards: 2, set });
    try {
      await fill(first);
      await ackSome(first);
    } finally {
      await first.stop();
    }
    left = await reportOf(stopped, '--topology', '--segment', '1', '--limit', '0');
    const second = new TestBroker();
    await second.start({ dataDirectory: killed, shards: 1, set });
    try {
      await fill(second);
      whileRunning = await reportOf(killed);
    } finally {
      await second.kill();
    }
  }, FILL_MILLIS_MAX);

  it('shows after a stop what is left', () => {
    const report = left;
    expect(report.findings).toEqual([]);
    expect(report.inUse).toBeUndefined();
    expect(queue(report, 'orders')).toMatchObject({
      vhost: '/',
      messages: SMALL + FANNED_OUT - ACKED,
      bytes: (SMALL - ACKED) * dataBytes('', 'orders', 5) + FANNED_OUT * dataBytes('all', '', 7),
      from: ACKED,
      to: SMALL + FANNED_OUT - 1,
    });
    expect(queue(report, 'audit')).toMatchObject({
      messages: FANNED_OUT + 1,
      bytes: FANNED_OUT * dataBytes('all', '', 7) + dataBytes('', 'audit', LARGE_BYTES),
    });
    expect(queue(report, 'idle')).toMatchObject({ messages: 0, records: 0 });
    expect(report.queues).toHaveLength(3);
    const logs = report.logs.filter(({ name }) => name.startsWith('shards/'));
    expect(logs).toHaveLength(2);
    expect(logs.every(({ isStoppedCleanly }) => isStoppedCleanly)).toBe(true);
    expect(report.topology).toMatchObject({ vhosts: 1, queues: 3, exchanges: 1, bindings: 2 });
    expect(report.topology!.users).toEqual(['guest']);
  });

  it.each(['killed', 'running'])(
    'shows of a broker that was %s all that it confirmed',
    async (how) => {
      const report = how === 'killed' ? await reportOf(killed) : whileRunning;
      expect(report.findings).toEqual([]);
      expect(report.inUse === undefined).toBe(how === 'killed');
      expect(queue(report, 'orders')).toMatchObject({
        messages: SMALL + FANNED_OUT,
        records: SMALL + FANNED_OUT,
        from: 0,
      });
      expect(queue(report, 'audit').messages).toBe(FANNED_OUT + 1);
      const bodies = report.logs.flatMap(({ segments }) =>
        segments.map((one) => one.records['BODY']),
      );
      expect(bodies.reduce((sum, count) => sum + (count ?? 0), 0)).toBe(2);
    },
  );

  it('says in words that all is well, and what was cut short', async () => {
    const { code, out } = await inspect(killed);
    expect(code).toBe(0);
    expect(out).toContain('All is well');
    expect(out).toContain('not stopped in order');
    expect(out).toMatch(/orders +\/ +\d+ +shards\/00\d +210 /);
  });

  it('changes nothing, not even on a directory that cannot be written to', async () => {
    const copy = copyOf(stopped);
    const folders = fs.readdirSync(copy, { recursive: true, encoding: 'utf8' });
    for (const name of ['', ...folders].toReversed()) {
      const file = path.join(copy, name);
      fs.chmodSync(file, fs.statSync(file).isDirectory() ? 0o555 : 0o444);
    }
    const before = stateOf(copy);
    expect((await inspect(copy, '--topology')).code).toBe(0);
    expect((await inspect(copy, '--queue', 'orders')).code).toBe(0);
    expect(stateOf(copy)).toEqual(before);
    for (const name of ['', ...folders]) fs.chmodSync(path.join(copy, name), 0o755);
  });

  it('names file and offset of a flipped bit, and changes nothing then either', async () => {
    const copy = copyOf(stopped);
    const { log, name } = queue(left, 'orders');
    const segment = `${log}/0000000000000001.seg`;
    const { records } = left.listings.find(({ file }) => file === segment)!;
    // A message that is still there.
    const record = records.findLast(({ kind, text }) => {
      return kind === 'PUBLISH' && text.startsWith(`${name} #`);
    })!;
    flipBit(path.join(copy, segment), record.offset + 40);
    const before = stateOf(copy);
    const { code, out } = await inspect(copy);
    expect(code).toBe(1);
    const to = record.offset + record.bytes;
    expect(out).toContain(`${segment}, offset ${record.offset} to ${to}: ${record.bytes} bytes`);
    const report = await reportOf(copy);
    expect(queue(report, 'orders').messages).toBe(SMALL + FANNED_OUT - ACKED - 1);
    expect(stateOf(copy)).toEqual(before);
  });

  it('notices when the last records are gone that a stop in order had written', async () => {
    const copy = copyOf(stopped);
    const { log } = queue(left, 'orders');
    const segment = `${log}/0000000000000001.seg`;
    const last = left.listings.find(({ file }) => file === segment)!.records.at(-1)!;
    const { offset } = last;
    flipBit(path.join(copy, segment), offset + 20);
    const { code, out } = await inspect(copy);
    expect(code).toBe(1);
    expect(out).toContain(`${segment}, offset ${offset} to ${offset + last.bytes}: no records`);
  });

  it('notices a flipped bit in a checkpoint and in the topology', async () => {
    const copy = copyOf(stopped);
    const { log } = queue(left, 'orders');
    const checkpoints = fs
      .readdirSync(path.join(copy, log))
      .filter((name) => name.endsWith('.ckpt'));
    const checkpoint = checkpoints.toSorted().at(-1)!;
    flipBit(path.join(copy, log, checkpoint), 170);
    flipBit(path.join(copy, 'topology/0000000000000001.seg'), 140);
    const report = await reportOf(copy);
    const files = report.findings.map(({ file, from }) => `${file} ${from}`);
    expect(files).toContain(`${log}/${checkpoint} 160`);
    expect(files).toContain('topology/0000000000000001.seg 128');
  });

  it('lists messages, records and what is declared, never a hash', async () => {
    const messages = await inspect(stopped, '--queue', 'orders', '--limit', '3');
    expect(messages.out).toMatch(/messages of orders.*\n.*\n +50 +1 +\d+ +16 +yes +0\n/);
    expect(messages.out).toContain('... and 157 more');
    const records = await inspect(stopped, '--segment', '1', '--limit', '0');
    expect(records.out).toMatch(/PUBLISH .*orders #0/);
    expect(records.out).toMatch(/ACK .*orders #/);
    expect(records.out).toContain("user-set 'guest'");
    const topology = await inspect(stopped, '--topology');
    expect(topology.out).toMatch(/all +queue +audit/);
    for (const { out } of [messages, records, topology]) expect(out).not.toContain('asswordHash');
    expect(JSON.stringify(left)).not.toContain('asswordHash');
  });

  it('reads one log by itself, and with the names around it', async () => {
    const { log, id } = queue(left, 'orders');
    const within = await reportOf(path.join(stopped, log));
    expect(queue(within, 'orders').messages).toBe(SMALL + FANNED_OUT - ACKED);
    const alone = path.join(newDirectory(), 'a log');
    fs.cpSync(path.join(stopped, log), alone, { recursive: true });
    const report = await reportOf(alone);
    expect(report.findings).toEqual([]);
    const found = report.queues.find((one) => one.id === id)!;
    expect(found.messages).toBe(SMALL + FANNED_OUT - ACKED);
    expect(found.name).toBeUndefined();
  });
});

/** First all messages go through `flow`, so that segments die; then others stay in `stuck`. */
async function churn(broker: TestBroker): Promise<void> {
  const channel = await broker.channel();
  for (const name of ['flow', 'stuck']) {
    await channel.call('queue.declare', { queue: name, durable: true });
  }
  await channel.call('confirm.select', {});
  for (let i = 1; i <= CHURNED; i += 1) {
    channel.publish({ exchange: '', routingKey: 'flow' }, Buffer.alloc(CHURN_BYTES), PERSISTENT);
  }
  await confirmsUpTo(channel, CHURNED);
  const consuming = await broker.channel();
  await consuming.call('basic.consume', { queue: 'flow', noAck: true });
  for (let i = 1; i <= CHURNED; i += 1) {
    channel.publish({ exchange: '', routingKey: 'stuck' }, Buffer.alloc(CHURN_BYTES), PERSISTENT);
    // One by one, so that checkpoints come between.
    await confirmsUpTo(channel, CHURNED + i);
  }
}

it(
  'says after recycling and a kill what the next start brings back',
  async () => {
    const directory = newDirectory();
    const options = {
      dataDirectory: directory,
      shards: 1,
      set: { 'storage.segment_bytes': '1MiB' },
    };
    const first = new TestBroker();
    await first.start(options);
    try {
      await churn(first);
    } finally {
      await first.kill();
    }
    const report = await reportOf(directory);
    expect(report.findings).toEqual([]);
    // Otherwise this proves less than it says.
    const { segments } = report.logs.find(({ name }) => name === 'shards/000')!;
    expect(segments[0].number).toBeGreaterThan(1);
    const second = new TestBroker();
    await second.start(options);
    try {
      const channel = await second.channel();
      for (const name of ['flow', 'stuck']) {
        const { messageCount } = await channel.call('queue.declare', {
          queue: name,
          passive: true,
        });
        expect(queue(report, name).messages).toBe(messageCount);
      }
      expect(queue(report, 'stuck').messages).toBe(CHURNED);
    } finally {
      await second.stop();
    }
  },
  FILL_MILLIS_MAX,
);
