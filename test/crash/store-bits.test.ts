// Test thread. One bit of a data directory is wrong: whichever it is, a start in this process goes
// through, loses no more than what was hit, delivers no wrong body and says what is damaged. The
// short form of `npm run crash:store-bits`, which flips 5000 (CRASH_BITS=all). CRASH_CYCLES sets
// how many, CRASH_SEED which.
import { expect, test } from 'vitest';
import { FlipProof } from './store-bits/flip-proof.ts';

const isAll = process.env['CRASH_BITS'] === 'all';
const FLIPS = isAll ? Number(process.env['CRASH_CYCLES'] ?? 5000) : 40;
const SEED = Number(process.env['CRASH_SEED'] ?? (isAll ? Math.floor(Math.random() * 2 ** 31) : 1));
const SAY_EVERY = 500;
/** Enough to see what is wrong; every further flip would say the same. */
const FAILURES_MAX = 20;

test('a start with a wrong bit loses what was hit at most, and says so', {
  timeout: 3_600_000,
}, async () => {
  const proof = await FlipProof.begin(SEED);
  const { sums } = proof;
  const parts = new Set(proof.files.flatMap(({ regions }) => regions.map(({ part }) => part)));
  expect([...parts].toSorted()).toEqual(
    ['ack', 'block', 'checkpoint', 'count', 'fact', 'header', 'message', 'piece'].toSorted(),
  );
  expect(proof.messages).toBeGreaterThan(150);
  while (sums.flips < FLIPS && sums.failures.length < FAILURES_MAX) {
    await proof.flipOne();
    const isTime = sums.flips % SAY_EVERY === 0 || sums.flips === FLIPS;
    if (isAll && isTime) process.stdout.write(`seed ${SEED}: ${JSON.stringify(sums)}\n`);
  }
  proof.end();
  expect(sums.failures, `CRASH_SEED=${SEED}`).toEqual([]);
  expect(sums).toMatchObject({ flips: FLIPS, wrongBodies: 0, failedStarts: 0 });
  expect(sums.seenAtStart).toBeGreaterThan(FLIPS / 3);
  expect(sums.flipsWithLoss).toBeGreaterThan(0);
});
