// One run: topology, consumers, publishers, warm-up, measured window, drain, clean-up. Generator's
// process; everything hot is in the publisher and the consumer.
// Invariant: rates come from counters read at the edges of the window.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEndpoint } from './connection.ts';
import { monotonicMillis } from './measuring-window.ts';
import { onTopology } from './on-topology.ts';
import type { LoadOptions } from './options.ts';
import { connectParties, type Parties } from './parties.ts';
import type { Publisher } from './publisher.ts';
import type { LoadResult } from './result.ts';
import { SliceClock, dueAfter, shareOf } from './slice-clock.ts';
import { StuckConsumers } from './stuck-consumers.ts';
import { summarize } from './summary.ts';
import { sampleWindow, type Counters, type LoadEvent } from './window-samples.ts';

/** After the window: how long to wait for messages, and for a sign that none will come. */
const DRAIN_SECONDS_MAX = 60;
const DRAIN_SILENCE_SECONDS = 5;

export async function runLoad(
  options: LoadOptions,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<LoadResult> {
  return onTopology(
    options,
    (open) => connectParties(options, open),
    ({ publishers, consumers }) => [...publishers, ...consumers],
    async (parties) => {
      if (options.stuckConsumers === 0) return await measure(options, parties, onEvent, print);
      const stuck = await StuckConsumers.start(options, parseEndpoint(options.url));
      const result = await measure(options, parties, onEvent, print);
      return { ...result, stuck: await stuck.finish() };
    },
  );
}

async function measure(
  options: LoadOptions,
  parties: Parties,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<LoadResult> {
  const clock = startPublishing(options, parties.publishers);
  await sleep(options.warmup * 1000);
  const readCounters = (): Counters => countersOf(parties);
  const samples = await sampleWindow(options, parties.window, readCounters, onEvent, print);
  await clock?.stop();
  for (const publisher of parties.publishers) publisher.finish();
  if (options.rate > 0 || options.verify) await drain(options, parties);
  return summarize(options, parties, samples);
}

function startPublishing(
  options: LoadOptions,
  publishers: readonly Publisher[],
): SliceClock | undefined {
  if (options.rate === 0 || publishers.length === 0) {
    for (const publisher of publishers) publisher.start();
    return undefined;
  }
  return new SliceClock((slice, millis) => {
    const from = dueAfter(slice, options.rate);
    const to = dueAfter(slice + 1, options.rate);
    publishers.forEach((publisher, index) => {
      const count = shareOf(to, index, publishers.length) - shareOf(from, index, publishers.length);
      if (count > 0) publisher.due(count, millis);
    });
  });
}

/** Waits until every message sent has arrived, or until nothing has for some seconds. */
async function drain(options: LoadOptions, parties: Parties): Promise<void> {
  if (parties.consumers.length === 0) return;
  const copies = Math.max(1, options.fanout);
  const started = monotonicMillis();
  let delivered = -1;
  let lastArrival = started;
  for (;;) {
    const submitted = parties.publishers.reduce((sum, { submitted: count }) => sum + count, 0);
    const unsent = parties.publishers.some((publisher) => publisher.unsent > 0);
    const { delivered: now } = countersOf(parties);
    const millis = monotonicMillis();
    if (now > delivered) lastArrival = millis;
    delivered = now;
    if (!unsent && delivered >= submitted * copies) return;
    if (millis - lastArrival > DRAIN_SILENCE_SECONDS * 1000) return;
    if (millis - started > DRAIN_SECONDS_MAX * 1000) return;
    await sleep(10);
  }
}

function countersOf(parties: Parties): Counters {
  let published = 0;
  let confirmed = 0;
  let delivered = 0;
  let deliveredBytes = 0;
  for (const publisher of parties.publishers) {
    published += publisher.published;
    confirmed += publisher.confirmed;
  }
  for (const consumer of parties.consumers) {
    delivered += consumer.delivered;
    deliveredBytes += consumer.deliveredBytes;
  }
  return { published, confirmed, delivered, deliveredBytes };
}
