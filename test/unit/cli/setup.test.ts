// bin/setup.cjs by child process, with stand-ins for npm and the compiler: when it installs, when
// it builds, what it says, and that it survives failures and company.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const pinnedPackage = `node-${process.platform}-${process.arch}`;
let root: string;

/** Installs what the lock names, as far as setup can see, and notes how it was called. */
const NPM = `
  const fs = require('fs');
  const { NODE_ENV, PATH, npm_config_loglevel, npm_config_omit, npm_config_registry } = process.env;
  fs.appendFileSync('npm-calls', JSON.stringify({ args: process.argv.slice(2), NODE_ENV, PATH,
    npm_config_loglevel, npm_config_omit, npm_config_registry }) + '\\n');
  if (fs.existsSync('npm-fails')) { console.error('npm error network is down'); process.exit(1); }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
  fs.copyFileSync('tsc.cjs', 'node_modules/typescript/bin/tsc');
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');`;

const COMPILER = `
  const fs = require('fs');
  fs.appendFileSync('builds', 'x');
  if (fs.existsSync('src/wrong.ts')) { console.log('src/wrong.ts(1,1): error'); process.exit(2); }
  const out = process.argv[process.argv.indexOf('--outDir') + 1];
  fs.mkdirSync(out, { recursive: true });
  for (const name of fs.readdirSync('src')) fs.writeFileSync(out + '/' + name, '');`;

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-setup-')));
  fs.cpSync(path.join(repository, 'bin'), path.join(root, 'bin'), { recursive: true });
  fs.mkdirSync(path.join(root, 'src'));
  write('npm-cli.js', NPM);
  write('tsc.cjs', COMPILER);
  write('old.cjs', "Object.defineProperty(process, 'version', { value: 'v20.1.0' });");
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'src/a.ts']) write(name, '{}');
  writeLock({ typescript: { version: '7.0.2' }, fsevents: { version: '1.0.0', optional: true } });
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  fs.writeFileSync(path.join(root, name), text);
}

function read(name: string): string {
  const file = path.join(root, name);
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
}

function writeLock(packages: Record<string, object>, name = 'package-lock.json'): void {
  const named = Object.entries(packages).map(([key, entry]) => [`node_modules/${key}`, entry]);
  write(name, JSON.stringify({ packages: { '': {}, ...Object.fromEntries(named) } }));
}

const environment = () => ({
  ...process.env,
  npm_execpath: path.join(root, 'npm-cli.js'),
  npm_node_execpath: process.execPath,
});

function setup(args: string[] = [], env: NodeJS.ProcessEnv = {}, nodeFlags: string[] = []) {
  return spawnSync(process.execPath, [...nodeFlags, 'bin/setup.cjs', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...environment(), ...env },
  });
}

const npmCalls = () =>
  read('npm-calls')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const builds = () => read('builds').length;

it('installs and builds a bare clone, a line for each, and then has nothing to do', () => {
  const first = setup();
  expect(first).toMatchObject({ status: 0, stderr: '' });
  expect(first.stdout).toMatch(/^warrenmq setup: installing.*\nwarrenmq setup: building.*\n$/);
  expect(npmCalls()[0].args.slice(0, 2)).toEqual(['ci', '--ignore-scripts']);
  expect(fs.readdirSync(path.join(root, 'dist'))).toContain('a.ts');
  expect(fs.readdirSync(path.join(root, '.setup'))).toEqual([]);

  expect(setup()).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect([npmCalls().length, builds()]).toEqual([1, 1]);
});

it('prints nothing to stdout with --quiet', () => {
  expect(setup(['--quiet'])).toMatchObject({ status: 0, stdout: '' });
  expect([npmCalls().length, builds()]).toEqual([1, 1]);
});

it('installs and builds again when the lock changes', () => {
  setup();
  writeLock({ typescript: { version: '7.0.3' } });
  setup();
  expect([npmCalls().length, builds()]).toEqual([2, 2]);
});

it('accepts what somebody installed with npm by hand', () => {
  setup();
  fs.rmSync(path.join(root, 'node_modules', '.setup-stamp'));
  // Packages for other platforms are not there, and need not be.
  writeLock({ typescript: { version: '7.0.2' } }, 'node_modules/.package-lock.json');
  setup();
  expect(npmCalls()).toHaveLength(1);
});

it.each([
  [
    'an install that did not finish',
    () => fs.rmSync(path.join(root, 'node_modules/.package-lock.json')),
  ],
  ['packages removed by hand', () => writeLock({}, 'node_modules/.package-lock.json')],
])('installs again after %s', (_, damage) => {
  setup();
  damage();
  setup();
  expect(npmCalls()).toHaveLength(2);
});

it.each([
  ['edited', () => write('src/a.ts', 'longer text')],
  ['added', () => write('src/b.ts', '')],
  ['removed', () => fs.rmSync(path.join(root, 'src/a.ts'))],
])('builds again when a source is %s, and only then', (_, change) => {
  setup();
  change();
  expect(setup().stdout).toMatch(/^warrenmq setup: building.*\n$/);
  expect(setup().stdout).toBe('');
  expect([npmCalls().length, builds()]).toEqual([1, 2]);
  // dist/ is replaced whole: a source that went leaves nothing behind.
  const built = fs.readdirSync(path.join(root, 'dist')).filter((name) => name !== '.build-stamp');
  expect(built.sort()).toEqual(fs.readdirSync(path.join(root, 'src')).sort());
});

it('keeps the earlier build when a build fails, and tries again', () => {
  setup();
  write('src/wrong.ts', '');
  const failed = setup();
  expect(failed.status).toBe(1);
  expect(failed.stderr).toContain('the build failed:\n  src/wrong.ts(1,1): error');
  expect(fs.readdirSync(path.join(root, 'dist'))).toContain('a.ts');
  expect(fs.readdirSync(path.join(root, '.setup'))).toEqual([]);
  expect(setup().status).toBe(1);
  fs.rmSync(path.join(root, 'src/wrong.ts'));
  expect(setup()).toMatchObject({ status: 0, stdout: '' });
});

it('says what to do when npm ci fails, and tries again', () => {
  write('npm-fails', '');
  const { status, stderr } = setup(['--quiet']);
  expect(status).toBe(1);
  expect(stderr).toContain('`npm ci` failed:\n  npm error network is down');
  expect(stderr).toContain('npm ping');
  fs.rmSync(path.join(root, 'npm-fails'));
  expect(setup().status).toBe(0);
});

it('keeps the settings of an outer npm away from the inner one, but not the registry', () => {
  const bin = path.join(root, 'node_modules', '.bin');
  setup([], {
    NODE_ENV: 'production',
    PATH: [bin, process.env['PATH']].join(path.delimiter),
    npm_config_loglevel: 'silent',
    npm_config_omit: 'dev',
    npm_config_registry: 'a-mirror',
  });
  const [call] = npmCalls();
  expect(call).toEqual({
    args: expect.arrayContaining(['--include=dev', '--include=optional']),
    PATH: process.env['PATH'],
    npm_config_registry: 'a-mirror',
  });
});

it('ends with 78, before npm, when no Node for this platform can be had', () => {
  const { status, stderr } = setup([], {}, ['-r', './old.cjs']);
  expect(status).toBe(78);
  expect(stderr).toContain(`${pinnedPackage} that would bring one is not installed`);
  expect(npmCalls()).toEqual([]);
});

it('ends with 78 when npm could not fetch the Node that the lock names', () => {
  writeLock({ typescript: { version: '7.0.2' }, [pinnedPackage]: { optional: true } });
  const { status, stderr } = setup([], {}, ['-r', './old.cjs']);
  expect(status).toBe(78);
  expect(stderr).toContain('WarrenMQ needs Node 24.20 or newer');
  expect(npmCalls()).toHaveLength(1);
});

it('does the work once when several run at once', async () => {
  const runs = Array.from({ length: 3 }, () =>
    spawn(process.execPath, ['bin/setup.cjs'], { cwd: root, env: environment(), stdio: 'ignore' }),
  );
  const codes = await Promise.all(runs.map(async (run) => (await once(run, 'exit'))[0]));
  expect(codes).toEqual([0, 0, 0]);
  expect([npmCalls().length, builds()]).toEqual([1, 1]);
  expect(fs.readdirSync(path.join(root, '.setup'))).toEqual([]);
});

it('takes over the lock of a setup that died', () => {
  fs.mkdirSync(path.join(root, '.setup'));
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  write('.setup/lock', `${dead} ${dead}-abc`);
  expect(setup().status).toBe(0);
  expect(fs.readdirSync(path.join(root, '.setup'))).toEqual([]);
});
