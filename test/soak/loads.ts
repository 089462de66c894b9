// What a soaking broker is given, round after round: the load generator's modes side by side, each a
// process of its own, and beside them the queues with features (feature-load.ts). Test process.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { featureRound } from './feature-load.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const OUTPUT_CHARS_MAX = 4000;

/** Everything that can be left lying around: large bodies, stuck readers, names that come and go. */
const LOADS: readonly (readonly string[])[] = [
  ['--churn'],
  [
    '--pipeline-stages',
    '3',
    '--workers',
    '2',
    '--size',
    '300000',
    '--prefetch',
    '8',
    '--max-backlog',
    '50',
  ],
  ['--rate', '500', '--size', '20000', '--stuck-consumers', '2'],
  ['--size', '1048576', '--prefetch', '10', '--ack-batch', '3', '--max-backlog', '40'],
];

/** One round of all loads at once; rejects with the output of one that failed. */
export async function loadRound(url: string, seconds: number): Promise<void> {
  const loads = LOADS.map((load, index) => run([...load, '--url', url], index * 10, seconds));
  await Promise.all([...loads, featureRound(url, seconds)]);
}

function run(load: readonly string[], firstQueue: number, seconds: number): Promise<void> {
  const queues = ['--first-queue', String(firstQueue)];
  const times = ['--warmup', '0.1', '--duration', String(seconds)];
  const args = ['bench/load/main.ts', ...load, ...queues, ...times];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (bytes: Buffer): void => {
    output = (output + bytes.toString()).slice(-OUTPUT_CHARS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${load.join(' ')} ended with ${code}:\n${output}`));
    });
  });
}
