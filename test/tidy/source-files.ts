// Test thread. The files of the project, as the layout rules see them: what a clone holds, plus
// what has not been added to git yet, minus what .gitignore leaves out.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { codeText } from './code-text.ts';

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** Folders that git ignores (.gitignore), and git's own. */
const SKIPPED = new Set([
  '.git',
  'node_modules',
  'dist',
  'data',
  'coverage',
  '.setup',
  '.lanes',
  '__pycache__',
  'results',
  'target',
]);

/** The files in a folder of the repository, or everywhere, whose names end in one of `endings`. */
export function sourceFiles(folder: string, ...endings: readonly string[]): SourceFile[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : sourceFiles(name, ...endings);
    if (!entry.isFile() || !endings.some((ending) => name.endsWith(ending))) return [];
    const text = readFileSync(path.join(ROOT, name), 'utf8');
    return [{ path: name, text, lines: text.split('\n') }];
  });
}

export function isGenerated(file: SourceFile): boolean {
  return file.path.endsWith('.generated.ts');
}

/** Everything that makes up the broker and its bench, without the tests. */
export function productFiles(): SourceFile[] {
  return ['src', 'shards', 'bench'].flatMap((folder) => sourceFiles(folder, '.ts'));
}

/** Where a pattern with the `g` flag occurs in a file's code: `path:line: what was found`. */
export function placesInCode(file: SourceFile, pattern: RegExp): string[] {
  return placesOf(file.path, codeText(file.text), pattern);
}

/** The same for the whole text, comments and strings included. */
export function placesInText(file: SourceFile, pattern: RegExp): string[] {
  return placesOf(file.path, file.text, pattern);
}

function placesOf(name: string, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length;
    return `${name}:${line}: ${match[0].trim()}`;
  });
}
