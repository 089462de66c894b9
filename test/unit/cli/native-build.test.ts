// bin/native-build.cjs by child process, with a stand-in for cargo: when it builds, what it leaves
// behind, and that a machine without cargo, or one whose build fails, is told so once.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const ADDON = 'native/warrenmq.node';
let root: string;

/** Makes the library of the wanted target directory, for all platforms. */
const CARGO = `#!${process.execPath}
  const fs = require('fs');
  fs.appendFileSync('calls', 'x');
  if (fs.existsSync('cargo-fails')) { console.error('error: no linker'); process.exit(101); }
  const target = process.argv[process.argv.indexOf('--target-dir') + 1];
  fs.mkdirSync(target + '/release', { recursive: true });
  const names = ['libwarrenmq_binding.so', 'libwarrenmq_binding.dylib'];
  for (const name of names) fs.writeFileSync(target + '/release/' + name, 'an addon');`;

/** As setup.cjs does: builds unless that is settled, and prints why not. */
const RUN = `
  const { buildNative, isNativeSettled } = require('./bin/native-build.cjs');
  if (isNativeSettled(process.cwd())) console.log('settled');
  else console.log(buildNative(process.cwd()) || 'built');`;

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-native-build-')));
  fs.cpSync(path.join(repository, 'bin'), path.join(root, 'bin'), { recursive: true });
  for (const folder of ['core/src', 'binding']) {
    fs.mkdirSync(path.join(root, 'native', folder), { recursive: true });
  }
  for (const file of ['Cargo.toml', 'Cargo.lock', 'core/src/lib.rs']) write(`native/${file}`, '');
  fs.mkdirSync(path.join(root, 'tools'));
  installCargo();
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  fs.writeFileSync(path.join(root, name), text);
}

function installCargo(): void {
  fs.writeFileSync(path.join(root, 'tools/cargo'), CARGO, { mode: 0o755 });
}

function run(): string {
  const env = { PATH: path.join(root, 'tools'), HOME: root };
  const result = spawnSync(process.execPath, ['-e', RUN], { cwd: root, encoding: 'utf8', env });
  expect(result).toMatchObject({ status: 0, stderr: '' });
  return result.stdout.trim();
}

const exists = (name: string) => fs.existsSync(path.join(root, name));
const calls = () => fs.readFileSync(path.join(root, 'calls'), 'utf8').length;

it('builds once per change of the sources', () => {
  expect(run()).toBe('built');
  expect(fs.readFileSync(path.join(root, ADDON), 'utf8')).toBe('an addon');
  expect(run()).toBe('settled');
  write('native/core/src/lib.rs', '// edited');
  expect(run()).toBe('built');
  write('native/binding/notes.txt', 'no source');
  expect(run()).toBe('settled');
  fs.rmSync(path.join(root, ADDON));
  expect(run()).toBe('built');
  expect(calls()).toBe(3);
});

it('tells once of a build that fails, and removes the addon of other sources', () => {
  run();
  write('native/core/src/lib.rs', '// edited');
  write('cargo-fails', '');
  expect(run()).toBe('cargo failed:\n  error: no linker');
  expect(exists(ADDON)).toBe(false);
  expect(run()).toBe('settled');
  expect(calls()).toBe(2);
});

it('tells once that there is no cargo, and builds when there is', () => {
  fs.rmSync(path.join(root, 'tools/cargo'));
  expect(run()).toMatch(/^there is no cargo/u);
  expect(run()).toBe('settled');
  installCargo();
  expect(run()).toBe('built');
});

it('has nothing to do where there are no sources of it', () => {
  fs.rmSync(path.join(root, 'native'), { recursive: true });
  expect(run()).toBe('settled');
});
