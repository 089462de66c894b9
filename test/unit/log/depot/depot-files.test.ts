// The files of a depot as bytes: any bit flipped anywhere costs at most the entry that it is in, and
// is told; a torn end costs nothing else; nothing passes for an entry that was not written as one
// there. And as names: which files of a directory count.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ENTRY_HEAD_BYTES,
  newDoneRecord,
  newEntry,
  newHeader,
  seal,
  SETTLED,
  seedOf,
  VOID,
} from '../../../../src/log/depot/entry-format.ts';
import { depotFiles, messageFileName } from '../../../../src/log/depot/file-names.ts';
import { scanDone, scanMessages } from '../../../../src/log/depot/file-scan.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'warrenmq-depot-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function put(bytes: Buffer): string {
  const file = path.join(directory, 'file');
  writeFileSync(file, bytes);
  return file;
}

function fileOf(
  count: number,
  bodyBytes: (i: number) => number,
): { bytes: Buffer; ends: number[] } {
  const header = newHeader('messages', 7, 1);
  const seed = seedOf(header, 'messages')!;
  const pieces = [header];
  const ends: number[] = [];
  let at = header.length;
  for (let i = 0; i < count; i += 1) {
    const entry = newEntry({
      position: i - 2,
      due: 2 ** 40 + i,
      arrivedAt: 2 ** 40 - i,
      priority: i,
      hasDied: i % 2 === 1,
      exrkBytes: 3,
      propsBytes: 2,
      bodyBytes: bodyBytes(i),
    });
    entry.fill(65 + (i % 26), ENTRY_HEAD_BYTES, ENTRY_HEAD_BYTES + 5 + bodyBytes(i));
    seal(entry, seed, at);
    pieces.push(entry);
    at += entry.length;
    ends.push(at);
  }
  return { bytes: Buffer.concat(pieces), ends };
}

async function positionsIn(
  bytes: Buffer,
): Promise<{ positions: number[]; damage: readonly number[] }> {
  const positions: number[] = [];
  const { damage } = await scanMessages(put(bytes), ({ position }) => positions.push(position));
  return { positions, damage };
}

const expected = (count: number): number[] => Array.from({ length: count }, (_value, i) => i - 2);

describe('a file of messages', () => {
  it('gives back what was written, however long it is', async () => {
    const { bytes } = fileOf(3000, (i) => (i * 37) % 4000);
    const seen: number[] = [];
    const { damage, fileBytes } = await scanMessages(put(bytes), (entry) => {
      const i = entry.position + 2;
      expect(entry).toMatchObject({
        due: 2 ** 40 + i,
        arrivedAt: 2 ** 40 - i,
        priority: i & 0x1ff,
      });
      expect(entry).toMatchObject({ hasDied: i % 2 === 1, exrkBytes: 3, propsBytes: 2 });
      expect(entry.bodyBytes).toBe((i * 37) % 4000);
      const data = entry.piece.subarray(entry.at + ENTRY_HEAD_BYTES, entry.at + entry.entryBytes);
      expect(data.subarray(0, 5 + entry.bodyBytes).every((byte) => byte === 65 + (i % 26))).toBe(
        true,
      );
      seen.push(entry.position);
    });
    expect(seen).toEqual(expected(3000));
    expect([damage, fileBytes]).toEqual([[], bytes.length]);
  });

  it('loses at most the entry in which a bit is flipped, and says where', async () => {
    const count = 6;
    const { bytes, ends } = fileOf(count, (i) => i * 9);
    for (let at = 0; at < bytes.length; at += 1) {
      const flipped = Buffer.from(bytes);
      flipped[at] ^= 1 << (at % 8);
      const { positions, damage } = await positionsIn(flipped);
      const hit = at < 96 ? -1 : ends.findIndex((end) => at < end);
      expect(positions).toEqual(expected(count).filter((_position, i) => i !== hit));
      // The header is there twice.
      if (hit < 0) continue;
      expect(damage).toEqual([hit === 0 ? 96 : ends[hit - 1], ends[hit]]);
    }
  });

  it('ends where it was cut off, with all that is whole before', async () => {
    const { bytes, ends } = fileOf(4, () => 20);
    for (let length = 97; length <= bytes.length; length += 1) {
      const { positions, damage } = await positionsIn(bytes.subarray(0, length));
      const whole = ends.filter((end) => end <= length).length;
      expect(positions).toEqual(expected(whole));
      expect(damage.length).toBe(ends.includes(length) ? 0 : 2);
    }
  });

  it('takes neither a body for an entry, nor an entry at another place', async () => {
    const { bytes, ends } = fileOf(2, () => 200);
    // The second entry, as it stands, within the body of the first, and the first without its head.
    const second = bytes.subarray(ends[0], ends[1]);
    const forged = Buffer.concat([bytes.subarray(0, ends[0] - second.length), second, second]);
    expect((await positionsIn(forged)).positions).toEqual([-1]);
  });

  it('without its header is nothing', async () => {
    const { bytes } = fileOf(2, () => 20);
    bytes.fill(0, 0, 96);
    const { seed } = await scanMessages(put(bytes), () => expect.unreachable());
    expect(seed).toBeUndefined();
  });
});

describe('done.log', () => {
  it('tells what is done with, and loses at most the record in which a bit is flipped', async () => {
    const header = newHeader('done', 7, 0);
    const seed = seedOf(header, 'done')!;
    const records = [newDoneRecord(SETTLED, [5, -1]), newDoneRecord(VOID, [9])];
    let at = header.length;
    for (const record of records) {
      seal(record, seed, at);
      at += record.length;
    }
    const bytes = Buffer.concat([header, ...records]);
    for (let flip = -1; flip < bytes.length; flip += 1) {
      const some = Buffer.from(bytes);
      if (flip >= 0) some[flip] ^= 4;
      const seen: number[][] = [];
      const damage = await scanDone(put(some), (position, kind) => seen.push([position, kind]));
      const first = [
        [5, SETTLED],
        [-1, SETTLED],
      ];
      const isFirst = flip >= 96 && flip < 96 + records[0].length;
      const isSecond = flip >= 96 + records[0].length;
      expect(seen).toEqual([...(isFirst ? [] : first), ...(isSecond ? [] : [[9, VOID]])]);
      expect(damage).toHaveLength(isFirst || isSecond ? 2 : 0);
    }
  });

  it('need not be there', async () => {
    const file = path.join(directory, 'none');
    expect(await scanDone(file, () => expect.unreachable())).toBeUndefined();
  });
});

describe('a directory', () => {
  const long = { shift: 30, period: 5, id: 3 };
  const copy = messageFileName({ shift: 24, period: 320, id: 9 }, long);
  const later = messageFileName(
    { shift: 18, period: 20_480, id: 12 },
    { shift: 24, period: 320, id: 9 },
  );
  const source = messageFileName(long, undefined);

  const live = (...names: string[]): string[] => depotFiles(names).live.map(({ name }) => name);

  it('counts copies only when their sources are gone, or spent', () => {
    expect(live(source, copy)).toEqual([source]);
    expect(live(copy)).toEqual([copy]);
    expect(live(source, copy, '30-5-3.spent')).toEqual([copy]);
    expect(depotFiles([source, copy, '30-5-3.spent'])).toMatchObject({
      dead: [{ name: source }],
      spentMarks: ['30-5-3.spent'],
    });
  });

  it('counts what has come since its period was divided', () => {
    const since = messageFileName({ ...long, id: 20 }, undefined);
    expect(live(copy, since)).toEqual([since, copy]);
    expect(live(source, since, copy, '30-5-3.spent')).toEqual([since, copy]);
  });

  it('does not take a half copy for a source', () => {
    expect(live(source, copy, later)).toEqual([source, later]);
    expect(live(copy, later)).toEqual([copy]);
    expect(live(later)).toEqual([later]);
  });

  it('knows no other names', () => {
    expect(live('done.log', 'x.msgs', '1-2.msgs', '24-320-9.msgs.bad', '24-320-9.msgs')).toEqual([
      '24-320-9.msgs',
    ]);
  });
});
