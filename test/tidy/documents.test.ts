// Test thread. The documents keep in step with the code: generated pages are current, links and
// file names lead somewhere, and the README's commands exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { configurationReference } from '../../src/config/write-reference.ts';
import { errorReference } from '../../src/errors/write-catalogue.ts';
import { ROOT, type SourceFile, sourceFiles } from './source-files.ts';

const documents = sourceFiles('.', '.md');

/** Written when a release is made, and by people: they may name what is gone. */
const HISTORY = new Set(['CHANGELOG.md']);

function fileText(name: string): string {
  return readFileSync(path.join(ROOT, name), 'utf8');
}

describe('generated pages', () => {
  test('docs/configuration.md: else run `node src/config/write-reference.ts`', () => {
    expect(fileText('docs/configuration.md')).toBe(configurationReference());
  });

  test('docs/errors.md: else run `node src/errors/write-catalogue.ts`', () => {
    expect(fileText('docs/errors.md')).toBe(errorReference());
  });

  test('docs/errors.md has the refusals of every file', () => {
    const writer = fileText('src/errors/write-catalogue.ts');
    const defining = readdirSync(path.join(ROOT, 'src/errors')).filter((name) =>
      /\bdefineRefusal\b/u.test(fileText(`src/errors/${name}`).replaceAll(/^export .*$/gmu, '')),
    );
    expect(defining).toContain('topology-refusals.ts');
    expect(defining.filter((name) => !writer.includes(`'./${name}'`))).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  const rows = fileText('docs/architecture.md').match(/^\| `[^|]*\|[^|]*\|/gmu) ?? [];
  const foldersIn = (parent: string): string[] =>
    readdirSync(path.join(ROOT, parent), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${parent}/${name}`);
  const folders = [...foldersIn('src'), ...foldersIn('shards')];

  test('has a row for every folder of src and shards', () => {
    const missing = folders.filter((folder) => !rows.some((row) => row.includes(`\`${folder}\``)));
    expect(missing).toEqual([]);
  });

  test("names what is in a folder's folders", () => {
    const inner = folders.flatMap((folder) => foldersIn(folder).map((name) => [folder, name]));
    expect(inner.length).toBeGreaterThan(0);
    const missing = inner.filter(([folder, name]) => {
      const row = rows.find((one) => one.includes(`\`${folder}\``)) ?? '';
      return !row.includes(`\`${path.basename(name)}/\``);
    });
    expect(missing.map(([, name]) => name)).toEqual([]);
  });
});

describe.each(documents)('$path', (document) => {
  test('links to files that exist', () => {
    const links = [...document.text.matchAll(/\]\((?!https?:|#|mailto:)(?<target>[^)#\s]+)/gu)];
    const targets = links.map((match) => match.groups!['target']);
    expect(targets.filter((target) => !existsBeside(document, target))).toEqual([]);
  });

  test('names source files that exist', () => {
    // `shards/000` is a log in a data directory.
    const names =
      document.text.match(/(?<![\w/.])(?:src|shards(?!\/\d)|bench|test|bin)\/[\w./-]*\w/gu) ?? [];
    const missing = names.filter((name) => !existsSync(path.join(ROOT, name)));
    expect(HISTORY.has(document.path) ? [] : missing).toEqual([]);
  });

  test('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(fileText('package.json')) as { scripts: Record<string, string> };
    const commands = [...document.text.matchAll(/\bnpm (?:run (?:-s )?)?(?<name>[\w:-]+)/gu)];
    const own = commands.map((match) => match.groups!['name']);
    const builtIn = ['ci', 'install', 'ping', 'run'];
    expect(own.filter((name) => !builtIn.includes(name) && !(name in scripts))).toEqual([]);
  });
});

function existsBeside(document: SourceFile, target: string): boolean {
  return existsSync(path.join(ROOT, path.dirname(document.path), target));
}
