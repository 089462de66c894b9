// Checkpoints: two are kept, each is whole or reported corrupt, and the one before stands in.
// Every implementation passes the same cases.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHECKPOINT, QUEUE } from '../../../src/log/log.ts';
import { ack, checkpoint, joined, queue, type Sample } from './samples.ts';
import {
  begunLog,
  entriesOf,
  freshDirectory,
  implementations,
  SEGMENT_BYTES,
  TestLog,
} from './test-log.ts';

function state(position: number): Sample[] {
  return [
    checkpoint(position, 2, position % 2 === 1),
    queue(1, position, [[1, 3]], []),
    queue(
      2 ** 31 + 7,
      2 ** 32 - 5,
      [
        [2 ** 32 - 9, 3],
        [2 ** 32 - 5, 2],
      ],
      [[2 ** 32 - 8, 4]],
    ),
  ];
}

function numbersIn(directory: string): number[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.ckpt'));
  return names.map((name) => Number(name.slice(0, 16))).toSorted((one, other) => one - other);
}

describe.each(implementations)('%s', (kind) => {
  test('the two newest checkpoints are kept, also over a restart', async () => {
    const directory = freshDirectory();
    for (const numbers of [[1], [1, 2], [2, 3], [3, 4]]) {
      const opened = await begunLog(kind, { directory });
      expect(opened.log.inventory().checkpoints).toEqual(
        numbers
          .map((one) => one - 1)
          .filter(Boolean)
          .slice(-2),
      );
      await opened.log.writeCheckpoint(joined(state(numbers.at(-1)! + 1000)));
      await opened.log.close();
      expect(numbersIn(directory)).toEqual(numbers);
    }
    const looking = new TestLog(kind, { directory, readOnly: true });
    expect(looking.log.inventory().checkpoints).toEqual([3, 4]);
    for (const number of [3, 4]) {
      const scan = await looking.log.scanCheckpoint(number);
      const samples = state(number + 1000);
      expect(scan).toMatchObject({ tornAt: -1, corrupt: [] });
      expect(scan.end).toBe(128 + joined(samples).byteLength);
      const entries = entriesOf(scan);
      expect(entries.map((entry) => entry.kind)).toEqual([CHECKPOINT, QUEUE, QUEUE]);
      expect(entries.map(({ extra }) => extra)).toEqual(samples.map(({ extra }) => extra));
    }
    expect(readdirSync(directory).filter((name) => name.includes('new'))).toEqual([]);
    await looking.log.close();
  });

  test('several written at once follow each other', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    await Promise.all([1, 2, 3].map(async (n) => opened.log.writeCheckpoint(joined(state(n)))));
    opened.append([ack(1, 2, 3)]);
    await opened.log.close();
    expect(numbersIn(directory)).toEqual([2, 3]);
    expect(opened.failures).toEqual([]);
  });

  test('a corrupt checkpoint says so, and the one before it is there', async () => {
    const directory = freshDirectory();
    const opened = await begunLog(kind, { directory });
    await opened.log.writeCheckpoint(joined(state(5)));
    await opened.log.writeCheckpoint(joined(state(6)));
    await opened.log.close();
    const file = path.join(directory, '0000000000000002.ckpt');
    const whole = readFileSync(file);
    const looking = new TestLog(kind, { directory, readOnly: true });
    for (let offset = 0; offset < whole.byteLength; offset += 5) {
      const wreck = Buffer.from(whole);
      wreck[offset] ^= 16;
      writeFileSync(file, wreck);
      const scan = await looking.log.scanCheckpoint(2);
      const lost = offset < 128 ? 0 : 1;
      expect(entriesOf(scan)).toHaveLength(3 - lost);
      expect(scan.corrupt).toHaveLength(2);
      expect(scan.tornAt).toBe(-1);
    }
    writeFileSync(file, whole.subarray(0, whole.byteLength - 8));
    expect((await looking.log.scanCheckpoint(2)).corrupt).toHaveLength(2);
    expect(await looking.log.scanCheckpoint(1)).toMatchObject({ corrupt: [] });
    await looking.log.close();
  });

  test('a checkpoint is none of another log, nor under another number', async () => {
    const [directory, other] = [freshDirectory(), freshDirectory()];
    for (const where of [directory, other]) {
      const opened = await begunLog(kind, { directory: where });
      await opened.log.writeCheckpoint(joined(state(5)));
      await opened.log.close();
    }
    const foreign = readFileSync(path.join(other, '0000000000000001.ckpt'));
    const own = readFileSync(path.join(directory, '0000000000000001.ckpt'));
    writeFileSync(path.join(directory, '0000000000000002.ckpt'), foreign);
    writeFileSync(path.join(directory, '0000000000000003.ckpt'), own);
    const looking = new TestLog(kind, { directory, readOnly: true });
    expect(entriesOf(await looking.log.scanCheckpoint(1))).toHaveLength(3);
    expect(entriesOf(await looking.log.scanCheckpoint(2))).toEqual([]);
    const moved = await looking.log.scanCheckpoint(3);
    expect(moved.corrupt).toEqual([0, 64, 64, 128]);
    await looking.log.close();
  });

  test('records that are cut off are refused', async () => {
    const opened = await begunLog(kind, { directory: freshDirectory() });
    const records = joined(state(5));
    const cut = records.subarray(0, records.byteLength - 8);
    await expect(opened.log.writeCheckpoint(cut)).rejects.toThrow('record');
    await opened.log.writeCheckpoint(records);
    expect(opened.end).toBe(SEGMENT_BYTES + 128);
    await opened.log.close();
  });
});
