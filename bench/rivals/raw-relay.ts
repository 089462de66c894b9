// Starts the raw relay (bench/ceilings) as if it were a broker, so that it takes its turns beside
// them. Harness process, cold.
// Invariant: it is stopped like every broker, by its process id.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Broker } from './broker.ts';
import { mainFileOf } from './generator.ts';

const RELAY_NAME = 'raw-relay';

/** `flags` are those of `bench/ceilings/main.ts relay`. */
export async function startRelay(flags: readonly string[]): Promise<Broker> {
  const child = fork(mainFileOf('ceilings'), ['relay', ...flags], { silent: true, execArgv: [] });
  let complaints = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8');
  });
  const ended = once(child, 'close');
  const failed = ended.then(() => {
    throw new Error(`the raw relay did not start: ${complaints.trim()}`);
  });
  failed.catch(() => undefined); // Later it is stopped by us, which is no failure.
  const [line] = (await Promise.race([once(child.stdout!, 'data'), failed])) as [Buffer];
  const stop = async (): Promise<void> => {
    if (child.kill('SIGTERM')) await ended;
  };
  return {
    name: RELAY_NAME,
    product: 'raw relay',
    url: line.toString().trim(),
    pid: child.pid!,
    stop,
  };
}
