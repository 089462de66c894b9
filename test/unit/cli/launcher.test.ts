// bin/warrenmq.cjs by child process: which Node it takes, and that it ends as its child ended.
// Each test has a small project of its own with the real launcher and a stand-in for dist/.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const pinnedPackage = `node-${process.platform}-${process.arch}`;
let root: string;

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-launcher-')));
  fs.cpSync(path.join(repository, 'bin'), path.join(root, 'bin'), { recursive: true });
  write('package.json', '{ "type": "module" }');
  // Makes the Node that runs the launcher look like an older one.
  write('old.cjs', "Object.defineProperty(process, 'version', { value: 'v20.1.0' });");
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
}

function writeMain(code: string): void {
  write('dist/src/cli/main.js', code);
}

function installPinnedNode(version: string): string {
  write(`node_modules/${pinnedPackage}/package.json`, JSON.stringify({ version }));
  const binary = path.join(root, 'node_modules', pinnedPackage, 'bin', 'node');
  fs.mkdirSync(path.dirname(binary));
  fs.symlinkSync(process.execPath, binary);
  return binary;
}

function launch(args: string[], nodeFlags: string[] = []) {
  return spawnSync(process.execPath, [...nodeFlags, 'bin/warrenmq.cjs', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
}

describe('the launcher', () => {
  it('runs the command line: --version', () => {
    const main = new URL('../../../src/cli/main.ts', import.meta.url).href;
    writeMain(`await import(${JSON.stringify(main)});`);
    const { stdout, stderr, status } = launch(['--version']);
    expect(stdout).toMatch(/^WarrenMQ \d+\.\d+\.\d+ \(Node v\d+\.\d+\.\d+, \w+ \w+\)\n$/);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('passes the arguments and takes the current Node when it is new enough', () => {
    installPinnedNode('24.21.0');
    writeMain('console.log(JSON.stringify(process.argv));');
    const { stdout } = launch(['server', '--set', 'a = b']);
    const [node, , ...args] = JSON.parse(stdout);
    expect(node).toBe(process.execPath);
    expect(args).toEqual(['server', '--set', 'a = b']);
  });

  it('takes the pinned Node when the current one is too old', () => {
    const pinned = installPinnedNode('24.21.0');
    writeMain('console.log(process.argv0);');
    expect(launch([], ['-r', './old.cjs']).stdout.trim()).toBe(pinned);
  });

  it.each([undefined, '24.19.0'])(
    'ends with 78 and says what to do with pinned Node %s',
    (version) => {
      if (version !== undefined) installPinnedNode(version);
      writeMain('');
      const { stdout, stderr, status } = launch([], ['-r', './old.cjs']);
      expect(status).toBe(78);
      expect(stdout).toBe('');
      expect(stderr).toContain('WarrenMQ needs Node 24.20 or newer; this is Node v20.1.0');
      expect(stderr).toContain(pinnedPackage);
    },
  );

  it('ends with 78 when the project is not built', () => {
    const { stderr, status } = launch([]);
    expect(status).toBe(78);
    expect(stderr).toContain('Run `node bin/setup.cjs` first');
  });

  it('ends with the exit code of its child', () => {
    writeMain('process.exit(41);');
    expect(launch([]).status).toBe(41);
  });

  it('dies of the signal its child died of', () => {
    writeMain("process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);");
    expect(launch([]).signal).toBe('SIGKILL');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('hands %s to its child', async (signal) => {
    writeMain(`
      process.on('${signal}', () => { console.log('got ${signal}'); process.exit(7); });
      setInterval(() => {}, 1000);
      console.log('ready');`);
    const launcher = spawn(process.execPath, ['bin/warrenmq.cjs'], { cwd: root });
    let out = '';
    launcher.stdout.on('data', (text) => {
      out += text;
    });
    await expect.poll(() => out, { timeout: 15_000 }).toContain('ready');
    launcher.kill(signal);
    const [code] = await once(launcher, 'close');
    expect(code).toBe(7);
    expect(out).toContain(`got ${signal}`);
  });

  it('takes its child along when it is killed outright', async () => {
    writeMain(`
      process.once('disconnect', () => { console.log('alone'); process.exit(0); });
      setInterval(() => {}, 1000);
      console.log('ready');`);
    const launcher = spawn(process.execPath, ['bin/warrenmq.cjs'], { cwd: root });
    let out = '';
    launcher.stdout.on('data', (text) => {
      out += text;
    });
    await expect.poll(() => out, { timeout: 15_000 }).toContain('ready');
    launcher.kill('SIGKILL');
    // The child holds the other end of the pipe: it closes when both have gone.
    await once(launcher, 'close');
    expect(out).toContain('alone');
  });
});
