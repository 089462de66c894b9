// The data directory: one holder at a time, stale locks taken over by one, newer formats refused.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claimDataDirectory, DATA_FORMAT } from '../../../src/base/data-directory.ts';
import { isProcessAlive, processStart } from '../../../src/base/process-identity.ts';

const MODULE = new URL('../../../src/base/data-directory.ts', import.meta.url).href;
let root: string;
let directory: string;

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-data-'));
  directory = path.join(root, 'a', 'data');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A process id that was in use and no longer is. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

function writeLock(holder: object, name = 'lock'): void {
  writeFileSync(path.join(directory, name), JSON.stringify(holder));
}

it('is created, locked, marked with the format, and given back', () => {
  const claim = claimDataDirectory(directory);
  expect(claim.path).toBe(directory);
  expect(readFileSync(path.join(directory, 'format'), 'utf8')).toBe(`${DATA_FORMAT}\n`);
  expect(readdirSync(directory).sort()).toEqual(['format', 'lock']);
  claim.release();
  claim.release();
  expect(readdirSync(directory)).toEqual(['format']);
  claimDataDirectory(directory).release();
});

it('is refused while this process holds it', () => {
  const claim = claimDataDirectory(directory);
  expect(() => claimDataDirectory(directory)).toThrow(`in use by process ${process.pid}`);
  claim.release();
});

it('is refused while another process holds it, and free once that one is killed', async () => {
  const script = `import { claimDataDirectory } from ${JSON.stringify(MODULE)};
    claimDataDirectory(${JSON.stringify(directory)});
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script]);
  try {
    await once(other.stdout, 'data');
    expect(() => claimDataDirectory(directory)).toThrow(
      new RegExp(`${directory} is in use by process ${other.pid}.*\n.*\n.*delete .*lock`),
    );
  } finally {
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
  claimDataDirectory(directory).release();
});

it('is taken over from a dead process, leaving no other files', () => {
  claimDataDirectory(directory).release();
  writeLock({ id: 'dead', pid: deadPid(), since: 'then' });
  claimDataDirectory(directory);
  expect(JSON.parse(readFileSync(path.join(directory, 'lock'), 'utf8')).pid).toBe(process.pid);
  expect(readdirSync(directory).sort()).toEqual(['format', 'lock']);
});

it('is taken over when the process id now belongs to a later process', () => {
  claimDataDirectory(directory).release();
  writeLock({ id: 'reused', pid: process.pid, processStart: 'boot:1', since: 'then' });
  // Without /proc the id alone counts, and it is alive.
  if (processStart(process.pid) === undefined) {
    expect(() => claimDataDirectory(directory)).toThrow('in use');
  } else claimDataDirectory(directory).release();
});

it('is taken over from a chain of processes that died during a take-over', () => {
  claimDataDirectory(directory).release();
  writeLock({ id: 'first', pid: deadPid(), since: 'then' });
  writeLock({ id: 'second', pid: deadPid(), since: 'then' }, 'lock.after-first');
  claimDataDirectory(directory).release();
  expect(readdirSync(directory)).toEqual(['format']);
});

it('is refused while another process is taking it over', () => {
  claimDataDirectory(directory).release();
  writeLock({ id: 'first', pid: deadPid(), since: 'then' });
  writeLock({ id: 'second', pid: process.pid, since: 'now' }, 'lock.after-first');
  expect(() => claimDataDirectory(directory)).toThrow(`in use by process ${process.pid}`);
});

it.each(['', '{', '{"pid":"x"}', '{"id":"../x","pid":1}'])(
  'survives a lock that holds %j',
  (text) => {
    claimDataDirectory(directory).release();
    writeFileSync(path.join(directory, 'lock'), text);
    claimDataDirectory(directory).release();
    expect(readdirSync(directory)).toEqual(['format']);
  },
);

it('goes to exactly one of several processes that start at once over a dead lock', async () => {
  claimDataDirectory(directory).release();
  writeLock({ id: 'dead', pid: deadPid(), since: 'then' });
  const script = `import { claimDataDirectory } from ${JSON.stringify(MODULE)};
    process.stdin.once('data', () => {
      let result = 'held';
      try { claimDataDirectory(${JSON.stringify(directory)}); } catch (error) { result = error.message; }
      process.stdout.write(result);
      process.stdin.once('data', () => process.exit(0));
    });
    process.stdout.write('ready');`;
  const others = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script]),
  );
  const said = () =>
    Promise.all(others.map(async ({ stdout }) => String(await once(stdout, 'data'))));
  await said();
  const results = said();
  for (const other of others) other.stdin.write('go');
  const texts = await results;
  const exits = others.map((other) => once(other, 'exit'));
  for (const other of others) other.stdin.write('end');
  await Promise.all(exits);
  expect(texts.filter((text) => text === 'held')).toHaveLength(1);
  expect(texts.filter((text) => text.includes('is in use by process'))).toHaveLength(3);
});

it('is refused, and unlocked again, when a newer version wrote it', () => {
  claimDataDirectory(directory).release();
  writeFileSync(path.join(directory, 'format'), `${DATA_FORMAT + 1}\n`);
  expect(() => claimDataDirectory(directory)).toThrow(
    `has format ${DATA_FORMAT + 1}; this version reads up to format ${DATA_FORMAT}`,
  );
  expect(readdirSync(directory)).toEqual(['format']);
});

it('is refused when its format file is something else', () => {
  claimDataDirectory(directory).release();
  writeFileSync(path.join(directory, 'format'), 'elf');
  expect(() => claimDataDirectory(directory)).toThrow('is no data directory of WarrenMQ');
});

it('is refused with the reason when it cannot be made', () => {
  writeFileSync(path.join(root, 'a'), 'a file');
  expect(() => claimDataDirectory(directory)).toThrow(
    new RegExp(`^The data directory ${directory} cannot be used: (ENOTDIR|EEXIST)`),
  );
});

it('knows that this process lives and that an ended one does not', () => {
  expect(isProcessAlive(process.pid, processStart(process.pid))).toBe(true);
  expect(isProcessAlive(process.pid, undefined)).toBe(true);
  expect(isProcessAlive(deadPid(), undefined)).toBe(false);
});
