// Main thread of `npm run setup:clients`: installs and builds what the client lanes of the other
// languages use, each only when its sources have changed or it was missing (toolchains.ts).
// Invariants: what is missing on this machine is said and is no failure, so that CI goes on; a
// state is written only after the work it vouches for.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  fingerprintOf,
  inLanes,
  laneState,
  type LaneState,
  sourceFolder,
  TOOLCHAINS,
  type Toolchain,
} from './toolchains.ts';

function isOnPath(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs commands in the language's folder. Returns how the first that fails does, else ''. */
function runAll(name: string, commands: Toolchain['fetch']): string {
  for (const [command, ...args] of commands) {
    const { status, error, stderr, stdout } = spawnSync(command, args, {
      cwd: sourceFolder(name),
      // Go would fetch another Go to please a module.
      env: { ...process.env, GOTOOLCHAIN: 'local' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (error !== undefined) return `${command}: ${error.message}`;
    if (status !== 0) return `${[command, ...args].join(' ')}:\n${stdout}${stderr}`.trim();
  }
  return '';
}

/** The files that were fetched but are not the ones in checksums.sha256, if the folder has one. */
function wrongFiles(name: string): string[] {
  const list = path.join(sourceFolder(name), 'checksums.sha256');
  if (!existsSync(list)) return [];
  return readFileSync(list, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('  ') as [string, string])
    .filter(([digest, file]) => {
      const bytes = readFileSync(inLanes(name, 'jars', file));
      return createHash('sha256').update(bytes).digest('hex') !== digest;
    })
    .map(([, file]) => file);
}

function setUp(toolchain: Toolchain): Omit<LaneState, 'fingerprint'> {
  const { name, tools, fetch, build } = toolchain;
  const absent = tools.filter((tool) => !isOnPath(tool));
  if (absent.length > 0) return { outcome: 'missing', reason: absent.join(' and ') };
  const unfetched = runAll(name, fetch);
  if (unfetched !== '') {
    process.stdout.write(`${unfetched}\n`);
    return { outcome: 'missing', reason: `the packages of test/clients/${name}` };
  }
  const wrong = wrongFiles(name);
  if (wrong.length > 0) {
    return { outcome: 'broken', reason: `not the file of checksums.sha256: ${wrong.join(', ')}` };
  }
  const unbuilt = runAll(name, build);
  if (unbuilt !== '') return { outcome: 'broken', reason: unbuilt };
  return { outcome: 'ready', reason: '' };
}

for (const toolchain of Object.values<Toolchain>(TOOLCHAINS)) {
  const { name } = toolchain;
  if (laneState(toolchain).outcome !== 'ready') {
    const start = Date.now();
    mkdirSync(inLanes(name), { recursive: true });
    const fingerprint = fingerprintOf(toolchain);
    const state: LaneState = { ...setUp(toolchain), fingerprint };
    writeFileSync(inLanes(name, 'state.json'), JSON.stringify(state));
    const seconds = ((Date.now() - start) / 1000).toFixed(0);
    process.stdout.write(`client lane ${name}: ${state.outcome} (${seconds} s) ${state.reason}\n`);
    if (state.outcome === 'broken') process.exitCode = 1;
  }
}
