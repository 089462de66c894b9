// One collection at a time, none older than the request, and no wait without an end.
import { expect, it } from 'vitest';
import { HttpRefusal } from '../../../src/management/http-refusal.ts';
import { ReportCollector } from '../../../src/management/report-collector.ts';
import type { ThreadReports } from '../../../src/management/source.ts';
import { acceptorReport } from './fixture.ts';

const LONG = 60_000;

/** A source whose collections end when the test says so; the n-th one reports n channels. */
class Threads {
  started = 0;
  readonly settle: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly collect = (): Promise<ThreadReports> => {
    this.started += 1;
    const channels = this.started;
    return new Promise((resolve, reject) => {
      const reports = { shards: [], acceptors: [acceptorReport({ channels })] };
      this.settle.push({ resolve: () => resolve(reports), reject });
    });
  };
}

async function channelsOf(collector: ReportCollector): Promise<number> {
  return (await collector.snapshot()).clients.channels;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

it('gives those who come during a collection the next one, together', async () => {
  const threads = new Threads();
  const collector = new ReportCollector(threads.collect, LONG);
  const first = channelsOf(collector);
  const later = [channelsOf(collector), channelsOf(collector), channelsOf(collector)];
  expect(threads.started).toBe(1);
  threads.settle[0].resolve();
  expect(await first).toBe(1);
  await turns();
  expect(threads.started).toBe(2);
  const last = channelsOf(collector);
  threads.settle[1].resolve();
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  await turns();
  expect(threads.started).toBe(3);
  threads.settle[2].resolve();
  expect(await last).toBe(3);
});

it('starts anew when nothing is under way', async () => {
  const threads = new Threads();
  const collector = new ReportCollector(threads.collect, LONG);
  for (const expected of [1, 2, 3]) {
    const snapshot = channelsOf(collector);
    threads.settle[expected - 1].resolve();
    expect(await snapshot).toBe(expected);
    await turns();
  }
});

it('goes on after a collection that failed', async () => {
  const threads = new Threads();
  const collector = new ReportCollector(threads.collect, LONG);
  const first = channelsOf(collector);
  const second = channelsOf(collector);
  threads.settle[0].reject(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await turns();
  threads.settle[1].resolve();
  expect(await second).toBe(2);
});

it('refuses with 503 when a thread is silent', async () => {
  const threads = new Threads();
  const collector = new ReportCollector(threads.collect, 5);
  const refusal: unknown = await collector.snapshot().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(HttpRefusal);
  expect((refusal as HttpRefusal).status).toBe(503);
  await expect(collector.snapshot()).rejects.toThrow('503');
  expect(threads.started).toBe(1);
});
