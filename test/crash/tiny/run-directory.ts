// Test thread. What the tiny crash proofs share: a directory that goes after each test, and settings
// whose seed is new in every run. A failure names the seed, and keeps the directory.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launchWarrenmq, type LaunchOptions, SMALL_SEGMENTS } from '../broker-process.ts';
import type { RunSettings } from '../crash-run.ts';

export const TINY_MILLIS_MAX = 120_000;

/** Runs a proof on an empty data directory. */
export async function proving(
  work: (settings: RunSettings, directory: string) => Promise<unknown>,
  more: Partial<LaunchOptions> = {},
): Promise<void> {
  const seed = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  const directory = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-crash-tiny-'));
  const dataDirectory = path.join(directory, 'data');
  mkdirSync(dataDirectory);
  const options = { dataDirectory, shards: 2, set: SMALL_SEGMENTS, ...more };
  try {
    await work({ seed, launch: launchWarrenmq, options, publishers: 2 }, directory);
  } catch (error) {
    const text = `CRASH_SEED=${seed}, data kept in ${directory}: ${(error as Error).message}`;
    throw new Error(text, { cause: error });
  }
  rmSync(directory, { recursive: true, force: true });
}
