// Runs a load generator as a process of its own and hears from it when its window starts and ends.
// Harness process, which sleeps meanwhile.
// Invariant: standard output of a generator is its result as JSON and nothing else; what it
// complains about is in the error that is thrown here.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { DiskResult } from '../ceilings/disk.ts';
import type { CeilingResult } from '../ceilings/raw-load.ts';
import type { ChurnResult, ConnectResult, IdleResult, LoadResult } from '../load/result.ts';
import type { LoadEvent } from '../load/window-samples.ts';

export type GeneratorResult =
  | LoadResult
  | IdleResult
  | ConnectResult
  | ChurnResult
  | CeilingResult
  | DiskResult;

/** The folder of bench/ whose main file is the generator. */
export type GeneratorName = 'load' | 'ceilings';

export async function runGenerator(
  name: GeneratorName,
  args: readonly string[],
  onEvent: (event: LoadEvent) => void,
): Promise<GeneratorResult> {
  const child = fork(mainFileOf(name), args, { silent: true, execArgv: [] });
  let output = '';
  let complaints = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8');
  });
  child.on('message', (message) => onEvent((message as { event: LoadEvent }).event));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the generator failed (${code}): ${complaints.trim()}`);
  return JSON.parse(output) as GeneratorResult;
}

/** As source the file ends in .ts, built it ends in .js: the same as this one. */
export function mainFileOf(name: GeneratorName): URL {
  const ending = import.meta.url.slice(-3);
  return name === 'load'
    ? new URL(`../load/main${ending}`, import.meta.url)
    : new URL(`../ceilings/main${ending}`, import.meta.url);
}
