// Test thread. The languages of the client lanes beside our own: which commands they need, how what
// they use is fetched and how their programs are built, all under .lanes/ (git ignores it). Run by
// setup-lanes.ts; the test files (lane.ts) only read how it went.
// Invariants: a state vouches for the sources that it was made of; what cannot be had here (a tool,
// a package) is `missing` and skips the lane, what does not build is `broken` and fails it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const CLIENTS = import.meta.dirname;
const LANES = path.resolve(CLIENTS, '../../.lanes');

type Command = readonly [string, ...string[]];

export interface Toolchain {
  readonly name: string;
  /** Commands on PATH. */
  readonly tools: readonly string[];
  /** The files that are installed from or built, in the language's folder. */
  readonly sources: RegExp;
  readonly fetch: readonly Command[];
  readonly build: readonly Command[];
}

export interface LaneState {
  readonly outcome: 'ready' | 'missing' | 'broken';
  /** What a missing one needs, or how a broken one fails. */
  readonly reason: string;
  readonly fingerprint: string;
}

/** A file that the lanes of a language were given or have built. */
export function inLanes(name: string, ...parts: readonly string[]): string {
  return path.join(LANES, name, ...parts);
}

/** The folder with a language's programs. */
export function sourceFolder(name: string): string {
  return path.join(CLIENTS, name);
}

const PYTHON = inLanes('python', 'bin', 'python');
const JARS = inLanes('java', 'jars');
const JAVA_FILES = ['Lane.java', 'Support.java', 'Tls.java'];

export const TOOLCHAINS = {
  python: {
    name: 'python',
    tools: ['python3'],
    sources: /^requirements\.txt$/u,
    fetch: [
      ['python3', '-m', 'venv', inLanes('python')],
      [PYTHON, '-m', 'pip', 'install', '-q', '--require-hashes', '-r', 'requirements.txt'],
    ],
    build: [],
  },
  java: {
    name: 'java',
    tools: ['java', 'javac', 'mvn'],
    sources: /\.(?:java|xml|sha256)$/u,
    fetch: [['mvn', '-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${JARS}`]],
    build: [['javac', '-cp', `${JARS}/*`, '-d', inLanes('java', 'classes'), ...JAVA_FILES]],
  },
  go: {
    name: 'go',
    tools: ['go'],
    sources: /\.(?:go|mod|sum)$/u,
    fetch: [['go', 'mod', 'download']],
    build: [['go', 'build', '-o', inLanes('go', 'lane'), '.']],
  },
  rust: {
    name: 'rust',
    tools: ['cargo', 'cc'],
    sources: /\.(?:rs|toml|lock)$/u,
    fetch: [['cargo', 'fetch', '--locked', '--quiet']],
    build: [['cargo', 'build', '--locked', '--offline', '-q', '--target-dir', inLanes('rust')]],
  },
} satisfies Record<string, Toolchain>;

/** What runs a lane of the language; the lane's arguments follow. */
export const PROGRAMS = {
  python: (program: string): Command => [PYTHON, path.join(sourceFolder('python'), program)],
  java: (): Command => ['java', '-cp', `${inLanes('java', 'classes')}:${JARS}/*`, 'Lane'],
  go: (): Command => [inLanes('go', 'lane')],
  rust: (): Command => [inLanes('rust', 'debug', 'warrenmq-lane')],
};

/** A digest of what a toolchain fetches and builds from. */
export function fingerprintOf({ name, sources }: Toolchain): string {
  const digest = createHash('sha256');
  const files = readdirSync(sourceFolder(name), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((each) => sources.test(each)).sort()) {
    const text = readFileSync(path.join(sourceFolder(name), file));
    digest.update(`${file} ${text.length}\n`).update(text);
  }
  return digest.digest('hex');
}

/** How the last setup of a toolchain went, as long as its sources are the same. */
export function laneState(toolchain: Toolchain): LaneState {
  const fingerprint = fingerprintOf(toolchain);
  try {
    const text = readFileSync(inLanes(toolchain.name, 'state.json'), 'utf8');
    const state = JSON.parse(text) as LaneState;
    if (state.fingerprint === fingerprint) return state;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { outcome: 'missing', reason: '`npm run setup:clients`', fingerprint };
}
