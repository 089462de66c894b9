// Test thread. The house rules that a machine can check (CONTRIBUTING.md): headers, sizes, names,
// and what must not stand in a file. Function lengths are a rule of .oxlintrc.json.
import { describe, expect, test } from 'vitest';
import {
  isGenerated,
  placesInCode,
  placesInText,
  productFiles,
  type SourceFile,
  sourceFiles,
} from './source-files.ts';

const LINES_MAX = 400;
const COLUMNS_MAX = 100;
const HEADER_LINES_MIN = 2;
/** A file this short may say all there is to say in one line. */
const SHORT_FILE_LINES = 60;
const THREAD_WORDS = /\b(?:main|acceptors?|shards?|threads?|process(?:es)?|generated)\b/iu;

/** Where every message passes: nothing here may allocate or wait in the ways named below. */
const HOT_FOLDERS = ['ring', 'queue', 'work', 'store', 'consumer'].map((name) => `shards/${name}/`);
const HOT_FILES = [
  'frame-reader',
  'publisher',
  'deliveries',
  'content-frames',
  'shard-link',
  'unconfirmed-publishes',
  'channel-confirms',
  'delivery-credit',
  'publish-allowance',
  'token-bucket',
].map((name) => `src/acceptor/${name}.ts`);

const product = productFiles();
const written = product.filter((file) => !isGenerated(file));
const broker = product.filter(({ path }) => !path.startsWith('bench/'));
const tests = sourceFiles('test', '.ts');

/** The comment lines at the top of a file. */
function headerOf({ lines }: SourceFile): readonly string[] {
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines.slice(0, end < 0 ? lines.length : end);
}

describe('every file', () => {
  test('opens by saying what it is and which thread runs it', () => {
    const wrong = product.filter((file) => {
      const header = headerOf(file);
      const linesMin = file.lines.length <= SHORT_FILE_LINES ? 1 : HEADER_LINES_MIN;
      return header.length < linesMin || !THREAD_WORDS.test(header.join(' '));
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test(`has at most ${LINES_MAX} lines`, () => {
    const long = [...written, ...tests].filter(({ lines }) => lines.length > LINES_MAX + 1);
    expect(long.map(({ path, lines }) => `${path}: ${lines.length - 1} lines`)).toEqual([]);
  });

  test(`of the broker and the bench has at most ${COLUMNS_MAX} columns`, () => {
    const wide = written.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) =>
        line.length > COLUMNS_MAX ? [`${path}:${index + 1}: ${line.length} columns`] : [],
      ),
    );
    expect(wide).toEqual([]);
  });

  test('has a name in kebab-case that says something', () => {
    const wrong = [...product, ...tests].filter(({ path }) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (!/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|bench|generated))?\.ts$/u.test(name)) return true;
      return /\b(?:utils?|helpers?|common|manager)\b/u.test(name);
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

test('the median file is neither a fragment nor a heap', () => {
  const lengths = broker
    .filter((file) => !isGenerated(file))
    .map(({ lines }) => lines.length)
    .toSorted((one, other) => one - other);
  const median = lengths[Math.floor(lengths.length / 2)];
  expect(median).toBeGreaterThanOrEqual(40);
  expect(median).toBeLessThanOrEqual(150);
});

describe('no file', () => {
  const everything = [...product, ...tests, ...sourceFiles('bin', '.cjs')];

  test('leaves something to be done', () => {
    // Written in parts, so that these lines are none themselves.
    const words = [
      ['TO', 'DO'],
      ['FIX', 'ME'],
      ['X', 'XX'],
    ].map((parts) => parts.join(''));
    const leftover = new RegExp(`\\b(?:${words.join('|')})\\b`, 'gu');
    expect(everything.flatMap((file) => placesInText(file, leftover))).toEqual([]);
  });

  test('of the broker writes to the console', () => {
    expect(broker.flatMap((file) => placesInCode(file, /\bconsole\s*\.\s*\w+/gu))).toEqual([]);
  });

  test('of the broker ends the process, but for the command line', () => {
    const others = broker.filter(({ path }) => !path.startsWith('src/cli/'));
    const pattern = /\bprocess\s*\.\s*(?:exit|abort|kill\s*\(\s*process\s*\.\s*pid)\b/gu;
    expect(others.flatMap((file) => placesInCode(file, pattern))).toEqual([]);
  });

  test('names a package registry, or a path of somebody’s machine', () => {
    const texts = sourceFiles('.', '.ts', '.js', '.cjs', '.json', '.md', '.example', '.sh', 'run');
    expect(texts.length).toBeGreaterThan(100);
    const registry = /\b(?:registry|npm|static)\.(?:npmjs|npmmirror|yarnpkg|crates)\.\w+/gu;
    const machine = /(?<![\w.])\/(?:work|root|home|Users|mnt)\/[\w.-]+/gu;
    const found = texts.flatMap((file) => [
      ...placesInText(file, registry),
      ...placesInText(file, machine),
    ]);
    expect(found).toEqual([]);
  });
});

describe('no hot file', () => {
  const hot = product.filter(
    ({ path }) => HOT_FILES.includes(path) || HOT_FOLDERS.some((folder) => path.startsWith(folder)),
  );

  test('is missing from the list', () => {
    const paths = new Set(hot.map(({ path }) => path));
    expect(HOT_FILES.filter((path) => !paths.has(path))).toEqual([]);
    for (const folder of HOT_FOLDERS) {
      expect([...paths].some((path) => path.startsWith(folder))).toBe(true);
    }
  });

  test.each([
    ['JSON', /\bJSON\s*\./gu],
    ['promises', /(?<!\.)\b(?:async|await|Promise)\b/gu],
    ['timers', /\bset(?:Timeout|Interval)\b/gu],
    ['big integers', /\bBigInt\b|\b\d+n\b|\bbigint\b/giu],
  ])('uses %s', (_what, pattern) => {
    expect(hot.flatMap((file) => placesInCode(file, pattern))).toEqual([]);
  });
});
