// Test support: a shard whose only queue is that of an exchange with delays, and what tests of its
// depot do with it. The clock is the test's: `Date` is faked there.
import * as fs from 'node:fs';
import path from 'node:path';
import { expect, vi } from 'vitest';
import { delayedAnswer } from '../../../../shards/delayed-answer.ts';
import type { Depot } from '../../../../shards/depot/depot.ts';
import type { DelayedAction, DelayedAnswer } from '../../../../shards/mailbox/control-messages.ts';
import { DurableShard, freshDirectory } from '../log/durable-shard.ts';

export const QUEUE = 1;
export const NOW = 1_800_000_000_123;
export const HOUR = 3_600_000;
export const MONTH = 30 * 24 * HOUR;
const companion = { exchange: 'later', role: 'delay' } as const;
export const OPTIONS = { queues: { [QUEUE]: { companion } } };

export const start = (): Promise<DurableShard> => DurableShard.start(freshDirectory(), OPTIONS);
export const depotOf = (shard: DurableShard): Depot => shard.queue(QUEUE).depot!;
export const full = (): Error => Object.assign(new Error('no space left'), { code: 'ENOSPC' });

export function delay(shard: DurableShard, name: string, ttlMillis: number, body = name): void {
  const exrk = `\u0005later${String.fromCharCode(name.length)}${name}`;
  shard.publish([QUEUE], body, { exrk, ttlMillis });
}

export function pass(millis: number): void {
  vi.setSystemTime(Date.now() + millis);
}

/** So many are in the depot. */
export async function stowed(shard: DurableShard, count: number): Promise<void> {
  await shard.synced();
  pass(10_001);
  await shard.until(() => depotOf(shard).count === count);
  await shard.synced();
}

export async function come(shard: DurableShard, count: number): Promise<string[]> {
  const keys: string[] = [];
  await shard.until(() => {
    for (const one of shard.forwarded.splice(0)) {
      keys.push(one.exrk.slice(7));
      shard.acceptor.forwarded(one.number);
    }
    return keys.length >= count;
  });
  await shard.synced();
  expect(shard.forwarded).toEqual([]);
  return keys;
}

export async function ask(shard: DurableShard, action: DelayedAction): Promise<DelayedAnswer> {
  let answer: DelayedAnswer | undefined;
  void delayedAnswer(shard.driver.state, QUEUE, action).then((one) => {
    answer = one;
  });
  await shard.until(() => answer !== undefined);
  return answer!;
}

export async function keysOf(shard: DurableShard): Promise<string[]> {
  const { messages } = await ask(shard, { kind: 'list', offset: 0, count: 100 });
  return messages.map(({ exrk }) => Buffer.from(exrk!).toString('latin1', 7));
}

export const filesOf = (shard: DurableShard): string[] => {
  const directory = path.join(shard.directory, 'delayed', String(QUEUE));
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
};

export const said = (shard: DurableShard, kind: string): number =>
  shard.driver.notices.filter((notice) => notice.kind === kind).length;
