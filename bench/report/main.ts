// Prints a file written by bench/rivals as Markdown: `node bench/report/main.ts file.json`. A
// process of its own, cold.
// Invariant: it only shows what the file holds; nothing is measured or corrected here.
import { readFileSync } from 'node:fs';
import { formatComparison } from './comparison.ts';
import type { RivalsFile } from './records.ts';

const path = process.argv[2];
if (path === undefined) {
  process.stderr.write('usage: node bench/report/main.ts <file written by bench/rivals>\n');
  process.exitCode = 2;
} else {
  const file = JSON.parse(readFileSync(path, 'utf8')) as RivalsFile;
  process.stdout.write(`${formatComparison(file)}\n`);
}
