// `warrenmq inspect` on what is no data directory, and with wrong flags: said in words, with the
// right exit code, and without leaving anything behind.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../../src/cli/program.ts';
import { fakeTerminal } from './fake-terminal.ts';

const made: string[] = [];

function newDirectory(files: Readonly<Record<string, string>> = {}): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-inspect-'));
  made.push(directory);
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  }
  return directory;
}

async function inspect(...args: string[]) {
  const terminal = fakeTerminal();
  const code = await runProgram(['inspect', ...args], terminal);
  return { code, ...terminal.said };
}

afterEach(() => {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true });
});

describe('a directory', () => {
  it.each([
    ['that is missing', () => path.join(newDirectory(), 'nowhere'), 'does not exist'],
    ['that is empty', () => newDirectory(), 'It is empty'],
    ['of somebody else', () => newDirectory({ b: '', a: '' }), 'It holds: a, b.'],
    ['that is a file', () => path.join(newDirectory({ a: '' }), 'a'), 'is a file'],
    ['of a newer version', () => newDirectory({ format: '99\n' }), 'newer WarrenMQ'],
    ['whose format is none', () => newDirectory({ format: 'png' }), 'is no data directory'],
  ])('%s is refused with 2, and left alone', async (_what, make, text) => {
    const directory = make();
    const { code, out, error } = await inspect(directory);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(error).toContain(directory);
    expect(error).toContain(text);
    expect(error).not.toMatch(/\n +at /);
    const parent = path.dirname(directory);
    expect(fs.existsSync(path.join(directory, 'lock'))).toBe(false);
    expect(parent === os.tmpdir() || !fs.existsSync(path.join(parent, 'nowhere'))).toBe(true);
  });

  it('inside of a data directory leads to it', async () => {
    const directory = newDirectory({ format: '1\n', 'shards/000/0.spare': '' });
    const { code, error } = await inspect(path.join(directory, 'shards'));
    expect(code).toBe(2);
    expect(error).toContain(`warrenmq inspect ${directory}`);
  });

  it('that a broker has only just made is well', async () => {
    const { code, out } = await inspect(newDirectory({ format: '1\n' }));
    expect(code).toBe(0);
    expect(out).toContain('All is well: 0 records in 0 files');
  });

  it('with a segment that says nothing of itself is corrupt, not foreign', async () => {
    const name = 'shards/000/0000000000000001.seg';
    const directory = newDirectory({ format: '1\n', [name]: 'x'.repeat(4096) });
    const { code, out } = await inspect(directory);
    expect(code).toBe(1);
    expect(out).toContain('shards/000: no segment in');
  });

  it('is taken relative to where the person is', async () => {
    const { error } = await inspect('somewhere');
    expect(error).toContain('/srv/somewhere does not exist');
  });
});

describe('flags', () => {
  it.each([
    [['--segment', 'x'], "expected a whole number from 1 on, got 'x'"],
    [['--segment', '0'], "expected a whole number from 1 on, got '0'"],
    [['--limit', '-1'], "expected a whole number from 0 on, got '-1'"],
    [['--quue', 'a'], 'Did you mean --queue?'],
  ])('%j are refused with 64', async (flags, text) => {
    const { code, error } = await inspect(newDirectory({ format: '1\n' }), ...flags);
    expect(code).toBe(64);
    expect(error).toContain(text);
  });

  it.each([
    [['--queue', 'nix'], "no queue 'nix'"],
    [['--segment', '7'], 'No log has a segment 7'],
  ])('%j naming what is not there get 64 and a hint', async (flags, text) => {
    const { code, out, error } = await inspect(newDirectory({ format: '1\n' }), ...flags);
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(error).toContain(text);
  });
});
