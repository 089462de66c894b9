// Test thread. A process of its own, because the allocator is the whole process's: chunks are freed of
// which every eighth stays. Resident memory tells whether the others went back to the system.
import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../../src/base/addon.ts';

const FILE = new URL('../../../src/supervisor/freed-memory.ts', import.meta.url).href;
const MIB = 1024 * 1024;

/** Prints by how many bytes resident memory fell when 56 of 64 MiB were freed. */
const SCRIPT = `
  import { setTimeout } from 'node:timers/promises';
  import { returnFreedMemory } from ${JSON.stringify(FILE)};
  returnFreedMemory(process.env);
  const settle = async () => {
    for (let round = 0; round < 5; round += 1) {
      globalThis.gc();
      await setTimeout(50);
    }
  };
  // What raises glibc's own threshold.
  (() => Buffer.alloc(16 * ${MIB}).fill(1))();
  await settle();
  let chunks = Array.from({ length: 64 }, () => Buffer.alloc(${MIB}).fill(1));
  const before = process.memoryUsage.rss();
  chunks = chunks.filter((_, index) => index % 8 === 7);
  await settle();
  console.log(before - process.memoryUsage.rss(), chunks.length);
`;

function freedBytes(environment: Readonly<Record<string, string>>): number {
  const args = ['--expose-gc', '--input-type=module', '-e', SCRIPT];
  const env = { ...process.env, ...environment };
  return Number.parseInt(execFileSync(process.execPath, args, { env, encoding: 'utf8' }), 10);
}

const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const isGlibc = report.header.glibcVersionRuntime !== undefined;

describe.skipIf(loadAddon() === undefined || !isGlibc)('freed memory', () => {
  it('goes back to the system, whatever lies behind it', () => {
    expect(freedBytes({})).toBeGreaterThan(40 * MIB);
  });

  it('is left to an operator who has set up the allocator', () => {
    const asGlibcDoes = { GLIBC_TUNABLES: 'glibc.malloc.mmap_threshold=33554432' };
    expect(freedBytes(asGlibcDoes)).toBeLessThan(20 * MIB);
  });
});
