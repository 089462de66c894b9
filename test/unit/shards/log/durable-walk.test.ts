// Random clients of a shard whose process dies again and again: every message that was confirmed
// and not acked is there, once, whole and in order; nothing else is. WALK_SEEDS=1000 walks longer.
import { afterAll, describe, it, expect } from 'vitest';
import { Random } from '../../../fuzz/session-bytes.ts';
import { freshDirectory, type Options } from './durable-shard.ts';
import { DurableWalk } from './durable-walk.ts';

const STEPS = Number(process.env['WALK_STEPS'] ?? 500);
const SEEDS = Number(process.env['WALK_SEEDS'] ?? 2);
const FIRST_SEED = Number(process.env['WALK_FIRST_SEED'] ?? 1);
const TIMEOUT_MILLIS = 600_000;
const MIB = 1024 * 1024;

const KINDS: [string, Options][] = [
  ['with room', {}],
  ['with little memory', { residentBytesMax: 32 * 1024, shardSlabBytes: 8 * MIB }],
  ['that cleans a lot', { residentBytesMax: 256 * 1024, cleaning: { slackBytes: 0 } }],
];

/** Dead letters of all walks: a single one may have had none that arrived. */
let forwarded = 0;

afterAll(() => expect(forwarded).toBeGreaterThan(0));

describe.each(KINDS)('a shard %s', (_name, options) => {
  const seeds = Array.from({ length: SEEDS }, (_value, i) => FIRST_SEED + i);
  it.each(seeds)('loses nothing (seed %i)', { timeout: TIMEOUT_MILLIS }, async (seed) => {
    const random = new Random(seed * 7919);
    const walk = await DurableWalk.start(freshDirectory(), random, options);
    for (let i = 0; i < STEPS; i += 1) await walk.step();
    expect(walk.crashes).toBeGreaterThan(0);
    expect(walk.found).toBeGreaterThan(0);
    forwarded += walk.forwarded;
  });
});
