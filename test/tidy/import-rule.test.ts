// Test thread. Who may import whom (docs/architecture.md, "Who may import whom"): the layers of
// src, the two doors between src and shards, and no cycles.
import { describe, expect, test } from 'vitest';
import { type Import, importsOf } from './imports.ts';
import { findCycles } from './cycles.ts';
import { productFiles, sourceFiles } from './source-files.ts';

/** What each layer of src may import. A file directly in src is a layer of its own: src/main.ts. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  'src/base': [],
  'src/errors': ['src/base'],
  'src/config': ['src/base', 'src/errors'],
  'src/protocol': ['src/base', 'src/errors'],
  'src/routing': ['src/base', 'src/errors', 'src/protocol'],
  'src/auth': ['src/base', 'src/errors', 'src/config', 'src/protocol', 'src/routing'],
  'src/tls': ['src/base', 'src/errors', 'src/config'],
  'src/topology': ['src/base', 'src/errors', 'src/config', 'src/protocol', 'src/routing'],
  'src/plugins': [
    'src/base',
    'src/errors',
    'src/config',
    'src/protocol',
    'src/routing',
    'src/auth',
  ],
  'src/acceptor': [
    'src/base',
    'src/errors',
    'src/config',
    'src/protocol',
    'src/routing',
    'src/auth',
    'src/plugins',
    'src/tls',
    'src/topology',
    'shards/ring',
    'shards/mailbox',
  ],
  'src/supervisor': [
    'src/base',
    'src/errors',
    'src/config',
    'src/protocol',
    'src/routing',
    'src/auth',
    'src/plugins',
    'src/tls',
    'src/topology',
    'src/acceptor',
    'src/log',
    'shards/ring',
    'shards/mailbox',
  ],
  'src/management': [
    'src/base',
    'src/errors',
    'src/config',
    'src/protocol',
    'src/routing',
    'src/auth',
    'src/tls',
    'src/topology',
    'src/acceptor',
    'src/supervisor',
    'shards/mailbox',
  ],
  'src/main.ts': [
    'src/base',
    'src/config',
    'src/management',
    'src/plugins',
    'src/supervisor',
    'src/tls',
  ],
  // `warrenmq inspect` recovers a store as the broker does.
  'src/cli': [
    'src/base',
    'src/errors',
    'src/config',
    'src/routing',
    'src/topology',
    'src/log',
    'src/supervisor',
    'src/main.ts',
  ],
  'shards/ring': [],
  'shards/mailbox': ['src/base', 'src/routing'],
};

/** All other folders of shards. */
const SHARD_FOLDERS_MAY = [
  'shards',
  'src/base',
  'src/errors',
  'src/log',
  'src/protocol',
  'src/routing',
];

/** The threads that the supervisor starts by their files' URLs. */
const THREAD_ENTRIES = new Set(['shards/worker.ts', 'src/acceptor/worker.ts']);

/** `src/acceptor/handlers/x.ts` is in layer src/acceptor, `shards/worker.ts` in shards. */
function layerOf(path: string): string {
  const [top, second, third] = path.split('/');
  if (top === 'src' && third === undefined) return path;
  return top === 'src' || third !== undefined ? `${top}/${second}` : top;
}

function mayImport(from: string, to: string): boolean {
  const allowed = LAYERS[from];
  if (allowed !== undefined) return from === to || allowed.includes(to);
  return SHARD_FOLDERS_MAY.includes(to) || to.startsWith('shards/');
}

const files = productFiles();
const imports = files.flatMap((file) => importsOf(file));
const broker = imports.filter(({ from }) => !from.startsWith('bench/'));

function text({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

describe('imports', () => {
  test('are found in all their forms', () => {
    const seen = importsOf({
      path: 'src/a/b.ts',
      lines: [],
      text: [
        "import './side-effect.ts';",
        "import type { A } from '../a.ts';",
        "import { type B, type C } from '../b.ts';",
        "import D, { type E } from '../d.ts';",
        "import {\n  F,\n} from './f.ts';",
        "export { G } from './g.ts';",
        "// import { H } from './h.ts';",
        "const i = await import('./i.ts');",
        "type J = typeof import('./j.ts');",
        'const k = new URL(`./k${EXTENSION}`, import.meta.url);',
      ].join('\n'),
    });
    expect(seen.map(({ to, isTypeOnly, isDynamic }) => [to, isTypeOnly, isDynamic])).toEqual([
      ['src/a/side-effect.ts', false, false],
      ['src/a.ts', true, false],
      ['src/b.ts', true, false],
      ['src/d.ts', false, false],
      ['src/a/f.ts', false, false],
      ['src/a/g.ts', false, false],
      ['src/a/i.ts', false, true],
      ['src/a/k.ts', false, true],
    ]);
  });

  test('go down the layers only', () => {
    const wrong = broker.filter(({ from, to }) => {
      if (!/^(?:src|shards|bench|test)\//u.test(to) || THREAD_ENTRIES.has(to)) return false;
      return !mayImport(layerOf(from), layerOf(to));
    });
    expect(wrong.map(text)).toEqual([]);
  });

  test('reach thread entries from the supervisor only, by URL', () => {
    const users = broker.filter(({ to }) => THREAD_ENTRIES.has(to));
    expect(users.map(text).toSorted()).toEqual([
      'src/supervisor/broker.ts imports shards/worker.ts',
      'src/supervisor/broker.ts imports src/acceptor/worker.ts',
    ]);
    expect(users.every(({ isDynamic }) => isDynamic)).toBe(true);
  });

  test('of the management API take nothing but types from supervisor and data plane', () => {
    const values = imports.filter(({ from, isTypeOnly }) => {
      return layerOf(from) === 'src/management' && !isTypeOnly;
    });
    const wrong = values.filter(({ to }) => /^(?:src\/(?:acceptor|supervisor)|shards)\//u.test(to));
    expect(wrong.map(text)).toEqual([]);
  });

  test('of the broker leave bench and test alone', () => {
    expect(broker.filter(({ to }) => /^(?:bench|test)\//u.test(to)).map(text)).toEqual([]);
  });

  test('of the load generator leave the broker alone', () => {
    const load = imports.filter(({ from }) => /^bench\/(?:load|report|rivals)\//u.test(from));
    expect(load.length).toBeGreaterThan(0);
    expect(load.filter(({ to }) => /^(?:src|shards|test)\//u.test(to)).map(text)).toEqual([]);
  });

  test('of the broker name no package but Node, and three where they are needed', () => {
    const packages = broker.filter(({ to }) => !/^(?:node:|src\/|shards\/)/u.test(to));
    const users = new Map([
      ['commander', 'src/cli/'],
      ['lz4-napi', 'src/log/portable/'],
      ['piscina', 'src/cli/inspect/'],
    ]);
    const wrong = packages.filter(({ from, to }) => {
      const user = users.get(to);
      return user === undefined || !from.startsWith(user);
    });
    expect(wrong.map(text)).toEqual([]);
  });

  test('lead to files that exist', () => {
    const all = [...files, ...sourceFiles('test', '.ts')];
    const known = new Set(all.map(({ path }) => path));
    const own = all.flatMap((file) => importsOf(file)).filter(({ to }) => to.includes('/'));
    const missing = own.filter(({ to }) => /^(?:src|shards|bench|test)\/.*\.ts$/u.test(to));
    expect(missing.filter(({ to }) => !known.has(to)).map(text)).toEqual([]);
  });
});

describe('cycles', () => {
  const values = imports.filter(({ isTypeOnly, isDynamic }) => !isTypeOnly && !isDynamic);

  test('are found', () => {
    expect(
      findCycles([
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
        ['c', 'd'],
      ]),
    ).toEqual([['a', 'b', 'c']]);
    expect(
      findCycles([
        ['a', 'b'],
        ['a', 'c'],
        ['b', 'd'],
        ['c', 'd'],
      ]),
    ).toEqual([]);
  });

  test('there are none between files, types aside', () => {
    expect(findCycles(values.map(({ from, to }) => [from, to]))).toEqual([]);
  });

  test('there are none between folders, types aside', () => {
    const folders = values.map(({ from, to }): [string, string] => [layerOf(from), layerOf(to)]);
    expect(findCycles(folders.filter(([from, to]) => from !== to))).toEqual([]);
  });
});
