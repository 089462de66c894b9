// Which facts of a log count. Facts are written as short words: "a" is a plain one, "1:a" one of
// snapshot 1, "1:a!3" the last of the 3 of snapshot 1.
import { describe, expect, it } from 'vitest';
import { historyOf } from '../../../../src/supervisor/facts/fact-history.ts';
import { type FoundFact, segmentFile } from '../../../../src/supervisor/facts/fact-scan.ts';

function found(words: string, segment: number): FoundFact[] {
  return words.split(' ').map((word, offset) => {
    const [, snapshot, name, records] = /^(?:(\d+):)?(\w+)(?:!(\d+))?$/.exec(word)!;
    const mark =
      snapshot === undefined
        ? undefined
        : { snapshot: Number(snapshot), ...(records && { records: Number(records) }) };
    return {
      fact: { kind: 'user-deleted', user: name },
      mark,
      place: { file: segmentFile(segment), offset },
    };
  });
}

function counted(words: string, segment = 1): string {
  const { facts, missing } = historyOf(found(words, segment));
  const names = facts.map(({ fact }) => (fact as { user: string }).user);
  return [...names, ...(missing > 0 ? [`missing ${missing}`] : [])].join(' ');
}

describe('the facts that count', () => {
  it.each([
    ['are those of the snapshot and what follows', '1:a 1:b!2 c d', 'a b c d'],
    ['are not those before it', 'x y 1:a 1:b!2 c', 'a b c'],
    ['are those of the newest snapshot', '1:a!1 b 7:c 7:d!2 e', 'c d e'],
    ['are not those of a snapshot that was cut off', '1:a!1 b 7:c 7:d', 'a b'],
    ['nor when others follow it, from a later start', '1:a!1 b 7:c 7:d e 9:f g', 'a b e g'],
    ['are none when the first snapshot of all was cut off', '1:a 1:b', ''],
    ['nor when that happened twice', '1:a 1:b 9:a', ''],
    ['nor when its last record came to the disk before another', '1:a 1:b!3', ''],
    ['are kept when only the end of the first snapshot is missing', '1:a b', 'a b missing 1'],
  ])('%s', (_, words, expected) => {
    expect(counted(words)).toBe(expected);
  });

  it.each([
    ['the one before, when a snapshot is damaged', '1:a!1 b 7:c 7:d!3 e', 'a b e'],
    ['a damaged snapshot, when there is no other', '7:c 7:d!3 e', 'c d e missing 1'],
    ['the newest of them that was finished', '1:a!2 b 7:c!2 d 9:e', 'c d missing 1'],
    ['the oldest, when no end is left', '1:a b 9:c', 'a b missing 1'],
    ['the only snapshot, though its end is missing', '1:a 1:b', 'a b missing 1'],
    ['what there is, when there is no snapshot', 'a b', 'a b'],
  ])('after damage are those of %s', (_, words, expected) => {
    expect(counted(words, 2)).toBe(expected);
  });
});
