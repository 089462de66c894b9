// The command line as a whole: help, version, wrong usage; and flags reach the configuration.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import { fakeTerminal } from './fake-terminal.ts';

async function run(...args: string[]) {
  const terminal = fakeTerminal();
  const code = await runProgram(args, terminal);
  return { code, ...terminal.said };
}

it.each([[], ['help'], ['--help'], ['-h']])('%s prints the commands', async (...args) => {
  const { code, out, error } = await run(...args);
  expect(code).toBe(0);
  expect(error).toBe('');
  for (const text of ['Usage: warrenmq', 'server', 'version', 'help [command]']) {
    expect(out).toContain(text);
  }
});

it('help server lists every flag', async () => {
  const { code, out } = await run('help', 'server');
  expect(code).toBe(0);
  for (const flag of [
    '--config <file>',
    '--data-dir <dir>',
    '--host <host>',
    '--port <n>',
    '--management-port <n>',
    '--shards <n>',
    '--acceptors <n>',
    '--set <key=value>',
    '--print-config',
  ]) {
    expect(out).toContain(flag);
  }
});

it.each([['version'], ['--version'], ['-V']])('%s prints one line', async (argument) => {
  const manifest = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  const { code, out } = await run(argument);
  expect(code).toBe(0);
  expect(out).toBe(
    `WarrenMQ ${version} (Node ${process.version}, ${process.platform} ${process.arch})\n`,
  );
});

it.each([
  [['sever'], 'Did you mean server?'],
  [['server', '--prot', '1'], 'Did you mean --port?'],
  [['server', '--port'], 'argument missing'],
  [['server', 'extra'], 'too many arguments'],
])('%j is refused with 64 and a hint', async (args, hint) => {
  const { code, out, error } = await run(...args);
  expect(code).toBe(64);
  expect(out).toBe('');
  expect(error).toContain(hint);
  expect(error).toContain('Run `warrenmq help`');
});

it('flags reach the configuration', async () => {
  const named =
    '--host 127.0.0.1 --port 1 --data-dir d --management-port 2 --shards 3 --acceptors 4';
  const set = ['--set', 'heartbeat=5', '--set', 'frame_max=8KiB'];
  const { code, out } = await run('server', '--print-config', ...named.split(' '), ...set);
  expect(code).toBe(0);
  for (const line of [
    /^listeners\.tcp\.1 = 127\.0\.0\.1:1 +# flag --host, flag --port$/m,
    /^data_dir = \/srv\/d +# flag --data-dir$/m,
    /^management\.tcp\.port = 2 +# flag --management-port$/m,
    /^shards = 3 +# flag --shards$/m,
    /^acceptors = 4 +# flag --acceptors$/m,
    /^heartbeat = 5 +# flag --set$/m,
    /^frame_max = 8KiB +# flag --set$/m,
  ]) {
    expect(out).toMatch(line);
  }
});

it('the exit code of a command is the exit code of the program', async () => {
  expect((await run('server', '--set', 'nonsense=1')).code).toBe(78);
});
