// What the machine allows without a broker: `node bench/ceilings/main.ts --help`. Measures the raw
// relay and the raw generator as processes of their own, and copies in this one.
// Invariants: sizes take turns, so that a slow minute hits all; whatever was started is stopped.
// Exit codes: 0 done, 1 failed, 2 bad arguments.
import { CommanderError } from 'commander';
import { spread, type Spread } from '../report/statistics.ts';
import { formatTable } from '../report/table.ts';
import { runGenerator } from '../rivals/generator.ts';
import { startRelay } from '../rivals/raw-relay.ts';
import { measureDisk, type DiskResult } from './disk.ts';
import { COPY_SIZES, measureCopies, type CopyResult } from './copies.ts';
import { ceilingsCommand, type CeilingsOptions } from './options.ts';
import { runRawLoad, type CeilingResult, type RawLoadOptions } from './raw-load.ts';
import { runRelay, type RelayOptions } from './relay.ts';

const MIB = 1024 * 1024;
/** A copy needs no warm sockets: a fraction of a relay's turn is long enough. */
const COPY_SHARE = 0.1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function relay(options: RelayOptions): Promise<void> {
  print(await runRelay(options));
}

async function load(options: RawLoadOptions): Promise<void> {
  print(JSON.stringify(await runRawLoad(options, (event) => void process.send?.({ event }))));
  process.disconnect?.();
}

function disk({ duration }: { readonly duration: number }): void {
  print(JSON.stringify(measureDisk(duration)));
  process.disconnect?.();
}

async function measure(options: CeilingsOptions): Promise<void> {
  const turns: CeilingResult[] = [];
  const copies: CopyResult[] = [];
  const disks: DiskResult[] = [];
  const flags = ['--buffer-bytes', options.bufferBytes, '--buffers', options.buffers].map(String);
  const server = await startRelay(flags);
  try {
    for (let repeat = 0; repeat < options.repeats; repeat += 1) {
      for (const size of options.sizes) {
        const times = ['--warmup', options.warmup, '--duration', options.duration].map(String);
        const args = ['load', '--url', server.url, '--size', String(size), ...times];
        const result = await runGenerator('ceilings', args, () => undefined);
        turns.push(result as CeilingResult);
      }
      copies.push(...measureCopies(options.duration * COPY_SHARE));
      disks.push(measureDisk(options.duration));
    }
  } finally {
    await server.stop();
  }
  if (options.json) print(JSON.stringify({ turns, copies, disks }));
  else print(`${relayTable(options.sizes, turns)}\n\n${copyTable(copies)}\n\n${diskTable(disks)}`);
}

function relayTable(sizes: readonly number[], turns: readonly CeilingResult[]): string {
  const rows = sizes.map((size) => {
    const own = turns.filter(({ ceilingSize }) => ceilingSize === size);
    return [
      size.toLocaleString('en-US'),
      range(spread(own.map(({ bytesPerSecond }) => bytesPerSecond / MIB))),
    ];
  });
  return formatTable(['body bytes', 'raw relay MiB/s (min to max)'], rows);
}

function copyTable(copies: readonly CopyResult[]): string {
  const names = [...new Set(copies.map(({ name }) => name))];
  const rows = names.map((name) => [
    name,
    ...COPY_SIZES.map((size) => {
      const own = copies.filter((copy) => copy.name === name && copy.blockBytes === size);
      return range(spread(own.map(({ bytesPerSecond }) => bytesPerSecond / MIB)));
    }),
  ]);
  const columns = COPY_SIZES.map((size) => `${size / 1024} KiB`);
  return formatTable(['heap to shared memory, MiB/s (min to max)', ...columns], rows);
}

function diskTable(disks: readonly DiskResult[]): string {
  const rows = [
    ['MiB/s', range(spread(disks.map(({ bytesPerSecond }) => bytesPerSecond / MIB)))],
    ['fdatasync of 8 MiB, us', range(spread(disks.map(({ syncMicros }) => syncMicros)))],
  ];
  return formatTable(['sequential log writes with syncs', 'min to max'], rows);
}

function range({ median, min, max }: Spread): string {
  const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
  return `${whole(median)} (${whole(min)} to ${whole(max)})`;
}

try {
  await ceilingsCommand({ measure, relay, load, disk }).parseAsync(process.argv);
} catch (error) {
  const usage = error instanceof CommanderError;
  if (!usage) process.stderr.write(`ceilings: ${(error as Error).message}\n`);
  process.exitCode = usage ? (error.exitCode === 0 ? 0 : 2) : 1;
  // Sockets of a failed run may still be open.
  process.exit();
}
