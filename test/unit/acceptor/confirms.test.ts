// ChannelConfirms and UnconfirmedPublishes against a model: several shards whose counters move in any
// order (and past 2^31), several channels; every publish is acked once it is confirmed everywhere, and
// an ack never covers one that is not.
import { describe, expect, it } from 'vitest';
import { ConfirmCounterReader, LANE_MEMORY } from '../../../shards/mailbox/confirm-counter.ts';
import { ChannelConfirms } from '../../../src/acceptor/channel-confirms.ts';
import { UnconfirmedPublishes } from '../../../src/acceptor/unconfirmed-publishes.ts';
import { Random } from '../../fuzz/session-bytes.ts';

class ModelChannel {
  readonly confirms: ChannelConfirms;
  /** Publish -> shards it still waits for. */
  readonly waiting = new Map<number, number>();
  /** Confirmed everywhere, not yet acked. */
  readonly due = new Set<number>();
  acked = 0;

  constructor() {
    this.confirms = new ChannelConfirms({
      ack: (tag, multiple) => this.ack(tag, multiple),
      nack: (tag) => this.ack(tag, false),
    });
  }

  private ack(tag: number, multiple: boolean): void {
    const covered = multiple
      ? [...this.due, ...this.waiting.keys()].filter((number) => number <= tag)
      : [tag];
    if (!this.due.has(tag)) throw new Error(`${tag} is acked again, or too early`);
    if (covered.length === 0) throw new Error(`ack ${tag} is for nothing`);
    for (const number of covered) {
      if (!this.due.delete(number)) throw new Error(`${number} was acked and is not confirmed`);
      this.acked += 1;
    }
  }
}

class ModelShard {
  readonly unconfirmed: UnconfirmedPublishes;
  /** In ring order; undefined: a publish of a channel without confirms. */
  readonly sent: ([ModelChannel, number] | undefined)[] = [];
  private readonly cells: Int32Array;

  constructor(start: number) {
    const memory = new SharedArrayBuffer(128);
    this.cells = new Int32Array(memory);
    this.cells[0] = start;
    this.unconfirmed = new UnconfirmedPublishes(new ConfirmCounterReader(memory, LANE_MEMORY));
  }

  confirm(count: number): void {
    this.cells[0] = (this.cells[0] + count) | 0;
    for (const entry of this.sent.splice(0, count)) {
      if (entry === undefined) continue;
      const [channel, number] = entry;
      const left = channel.waiting.get(number)! - 1;
      if (left > 0) channel.waiting.set(number, left);
      else {
        channel.waiting.delete(number);
        channel.due.add(number);
      }
    }
  }
}

describe('confirms', () => {
  it.each([1, 2, 3, 4, 5, 6])('ack every publish once (seed %i)', (seed) => {
    const random = new Random(seed);
    const channels = [new ModelChannel(), new ModelChannel(), new ModelChannel()];
    const shards = [0, 2 ** 31 - 300, -300].map((start) => new ModelShard(start));
    const touched = new Set<ChannelConfirms>();
    const flush = (): void => {
      for (const { unconfirmed } of shards) {
        unconfirmed.look();
        unconfirmed.collect((sink) => {
          const confirms = sink as ChannelConfirms;
          if (touched.has(confirms)) throw new Error('a channel was listed twice');
          touched.add(confirms);
        });
        expect(unconfirmed.hasNews()).toBe(false);
      }
      for (const confirms of touched) confirms.flush();
      touched.clear();
      for (const { due } of channels) expect([...due]).toEqual([]);
    };
    let published = 0;
    for (let round = 0; round < 3000; round += 1) {
      const channel = random.pick(channels);
      const kind = random.below(10);
      if (kind < 5) {
        const targets = shards.filter(() => random.chance(40));
        const number = channel.confirms.add(targets.length);
        published += 1;
        channel.waiting.set(number, targets.length);
        for (const shard of targets) {
          shard.unconfirmed.count();
          shard.unconfirmed.expect(channel.confirms, number);
          shard.sent.push([channel, number]);
        }
        if (targets.length === 0) {
          channel.waiting.delete(number);
          channel.due.add(number);
          if (channel.confirms.confirm(number)) touched.add(channel.confirms);
        }
      } else if (kind === 5) {
        const shard = random.pick(shards);
        shard.unconfirmed.count();
        shard.sent.push(undefined);
      } else if (kind < 9) {
        const shard = random.pick(shards);
        shard.confirm(random.below(shard.sent.length + 1));
      } else flush();
    }
    for (const shard of shards) shard.confirm(shard.sent.length);
    flush();
    expect(channels.reduce((sum, { acked }) => sum + acked, 0)).toBe(published);
  });

  it('are one multiple ack for a run, and single ones behind a gap', () => {
    const acks: [number, boolean][] = [];
    const confirms = new ChannelConfirms({
      ack: (tag, multiple) => acks.push([tag, multiple]),
      nack: () => {},
    });
    for (let i = 0; i < 6; i += 1) confirms.add(1);
    for (const number of [1, 2, 3, 5]) confirms.confirm(number);
    confirms.flush();
    expect(acks.splice(0)).toEqual([
      [3, true],
      [5, false],
    ]);
    confirms.confirm(4);
    confirms.confirm(6);
    confirms.flush();
    expect(acks).toEqual([[6, true]]);
  });
});
