// The entry point of the command line (`warrenmq ...`). Runs in main and is the only file that ends
// the process. It loads no broker code: commands import what they need when they run, so that
// mistakes in flags and configuration show at once.
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import { runProgram } from './program.ts';
import type { StopSignal, Terminal } from './terminal.ts';

const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  isErrorWatched: process.stderr.isTTY,
  exit: (code) => process.exit(code),
  onStop: (handler) => {
    for (const signal of STOP_SIGNALS) process.on(signal, () => handler(signal));
    // bin/warrenmq.cjs keeps a channel open for as long as it lives; it must not keep us alive.
    if (process.connected) process.once('disconnect', () => handler('launcher gone'));
    process.channel?.unref();
  },
  onHangup: (handler) => void process.on('SIGHUP', handler),
  now: () => performance.now(),
  env: process.env,
  cwd: process.cwd(),
  cores: os.availableParallelism(),
  readFile: (path) => readFileSync(path, 'utf8'),
  writeFile: (path, text) => writeFileSync(path, text),
};

// A reader that has gone away (`warrenmq help | head`), or a terminal (EIO), is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

process.exitCode = await runProgram(process.argv.slice(2), terminal);
// The broker's threads have been stopped or given up by now; what is left must not hold us back.
// Streams to pipes are asynchronous: let them empty first.
process.stdout.write('', () =>
  process.stderr.write('', () => terminal.exit(Number(process.exitCode))),
);
