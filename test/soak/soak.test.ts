// Mixed churn with large bodies for SOAK_MINUTES (`npm run soak`: 45; otherwise a few seconds). At the
// end nothing is left: no slab page, no message, no connection, no file. In a long run resident memory
// must not grow either: its floor per stretch, after a third of the time as warm-up. Seen by mapping:
// V8's old generations come to their usual size in up to 15 minutes, so 30 of 45 are measured.
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { useBroker } from '../support/broker.ts';
import { loadRound } from './loads.ts';
import {
  floors,
  metricSum,
  openFilesOf,
  rssBytesOf,
  type Sample,
  slopeBytesPerHour,
} from './samples.ts';

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 0);
const ROUND_SECONDS = MINUTES > 0 ? 20 : 1;
const STRETCHES = 20;
const SLOPE_BYTES_PER_HOUR_MAX = 2 * 1024 * 1024;
/** Shorter runs say nothing about growth: buffers and code are still warming up. */
const MINUTES_FOR_SLOPE = 15;

const broker = useBroker();

async function soak(samples: Sample[]): Promise<void> {
  const end = performance.now() + MINUTES * 60_000;
  const done = new AbortController();
  const sampling = (async (): Promise<void> => {
    while (!done.signal.aborted) {
      samples.push({ seconds: performance.now() / 1000, rssBytes: rssBytesOf(broker.pid) });
      await setTimeout(1000);
    }
  })();
  do await loadRound(broker.url, ROUND_SECONDS);
  while (performance.now() < end);
  done.abort();
  await sampling;
}

/** Log segments that are being made, and sockets of those who ask for metrics. */
const FILES_COME_AND_GO = 8;

async function leftOver(openFilesBefore: number): Promise<Record<string, number>> {
  const sum = (name: string): Promise<number> => metricSum(broker.managementUrl, name);
  return {
    slabPages: await sum('warrenmq_acceptor_slab_pages_used'),
    messages: await sum('warrenmq_shard_messages'),
    queues: await sum('warrenmq_shard_queues'),
    connections: await sum('warrenmq_acceptor_connections'),
    channels: await sum('warrenmq_acceptor_channels'),
    // A leak is one per connection or round; segments and the HTTP API's sockets come and go.
    leakedFiles: Math.max(0, openFilesOf(broker.pid) - openFilesBefore - FILES_COME_AND_GO),
  };
}

describe('a soaking broker', () => {
  it(
    'keeps nothing',
    async () => {
      const openFiles = openFilesOf(broker.pid);
      const before = await leftOver(openFiles);
      const samples: Sample[] = [];
      await soak(samples);
      // The last sockets close a moment after the generators have ended.
      await expect.poll(() => leftOver(openFiles), { timeout: 10_000 }).toEqual(before);
      const warm = samples.slice(Math.floor(samples.length / 3));
      const slope = slopeBytesPerHour(floors(warm, STRETCHES));
      if (MINUTES > 0) report(samples, slope);
      if (MINUTES >= MINUTES_FOR_SLOPE) expect(slope).toBeLessThan(SLOPE_BYTES_PER_HOUR_MAX);
    },
    MINUTES * 60_000 + 60_000,
  );
});

function report(samples: readonly Sample[], slope: number): void {
  const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  const lowest = floors(samples, STRETCHES).map(({ rssBytes }) => mib(rssBytes));
  process.stdout.write(`resident MiB, lowest per stretch: ${lowest.join(' ')}\n`);
  process.stdout.write(`slope after warm-up: ${mib(slope)} MiB per hour\n`);
}
