// Test thread. Who imports whom: the import and export-from statements of a file, dynamic imports
// and `new URL(..., import.meta.url)`, which is how threads are started. A type-only import is none
// when the program runs, so it is told apart.
import path from 'node:path';
import { codeText } from './code-text.ts';
import type { SourceFile } from './source-files.ts';

export interface Import {
  readonly from: string;
  /** A path from the root for the project's own files, else the package's name. */
  readonly to: string;
  readonly isTypeOnly: boolean;
  readonly isDynamic: boolean;
}

const STATIC = /^(?:import|export)\b(?<names>[^'";]*?)\s*from\s*'|^import\s*'/gmu;
const DYNAMIC = /\bimport\(\s*'|new URL\(\s*[`'"]/gu;

export function importsOf(file: SourceFile): Import[] {
  const code = codeText(file.text);
  const found: Import[] = [];
  for (const match of code.matchAll(STATIC)) {
    const names = match.groups?.['names'];
    found.push(importAt(file, match, names !== undefined && isTypeOnly(names), false));
  }
  for (const match of code.matchAll(DYNAMIC)) {
    const each = importAt(file, match, false, true);
    // A URL may also name a file that is data.
    const isModule = match[0].startsWith('import') || each.to.endsWith('.ts');
    if (isModule && !isTypePosition(code, match.index)) found.push(each);
  }
  return found;
}

/** `import type {...}`, `import { type A, type B }`. */
function isTypeOnly(names: string): boolean {
  if (/^\s*type\b/u.test(names)) return true;
  const list = /^\s*\{(?<list>[^}]*)\}\s*$/u.exec(names)?.groups?.['list'];
  if (list === undefined) return false;
  const each = list.split(',').filter((name) => name.trim() !== '');
  return each.length > 0 && each.every((name) => /^\s*type\s/u.test(name));
}

/** `typeof import('x')` is a type. */
function isTypePosition(code: string, at: number): boolean {
  return /\btypeof\s*$/u.test(code.slice(0, at));
}

function importAt(
  file: SourceFile,
  match: RegExpExecArray,
  typeOnly: boolean,
  isDynamic: boolean,
): Import {
  const start = match.index + match[0].length;
  const target = /^[^'"`]*/u.exec(file.text.slice(start))![0];
  return {
    from: file.path,
    to: target.startsWith('.') ? resolve(file.path, target) : target,
    isTypeOnly: typeOnly,
    isDynamic,
  };
}

/** `./worker${EXTENSION}` names the source file too. */
function resolve(from: string, target: string): string {
  const whole = target.replace(/\$\{[^}]*\}$/u, '.ts');
  return path.posix.normalize(path.posix.join(path.posix.dirname(from), whole));
}
