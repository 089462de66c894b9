// One run: topology, consumers, publishers, warm-up, measured window, drain, clean-up. Generator's
// process; everything hot is in the publisher and the consumer.
// Invariants: rates come from counters read at the edges of the window; nothing is deleted before
// the last connection that loads is gone; any failure of any connection ends the run with its text.
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadConnection, parseEndpoint } from './connection.ts';
import { monotonicMillis } from './measuring-window.ts';
import type { LoadOptions } from './options.ts';
import { connectParties, type Parties } from './parties.ts';
import type { Publisher } from './publisher.ts';
import { formatSecond, type LoadResult, type SecondSample } from './result.ts';
import { SliceClock, dueAfter, shareOf } from './slice-clock.ts';
import { summarize, type Edge } from './summary.ts';
import { deleteTopology, makeTopology } from './topology.ts';

/** After the window: how long to wait for messages, and for a sign that none will come. */
const DRAIN_SECONDS_MAX = 60;
const DRAIN_SILENCE_SECONDS = 5;

/** What a parent process may want to know, so that it reads its own meters at the same moments. */
export type LoadEvent = 'window-start' | 'window-end';

export async function runLoad(
  options: LoadOptions,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<LoadResult> {
  const failure = Promise.withResolvers<never>();
  const endpoint = parseEndpoint(options.url);
  const open = (): Promise<LoadConnection> => LoadConnection.open(endpoint, failure.reject);
  const work = async (): Promise<LoadResult> => {
    const control = await open();
    await control.openChannel();
    await makeTopology(control, options);
    const parties = await connectParties(options, open);
    try {
      return await measure(options, parties, onEvent, print);
    } finally {
      for (const party of [...parties.publishers, ...parties.consumers]) party.connection.destroy();
      await deleteTopology(control, options);
      await control.close();
    }
  };
  return await Promise.race([work(), failure.promise]);
}

async function measure(
  options: LoadOptions,
  parties: Parties,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<LoadResult> {
  const clock = startPublishing(options, parties.publishers);
  await sleep(options.warmup * 1000);
  const perSecond: SecondSample[] = [];
  const start = readEdge(parties);
  parties.window.startMillis = start.millis;
  parties.window.endMillis = start.millis + options.duration * 1000;
  onEvent('window-start');
  let before = start;
  // Timers may fire a little early: what is left then is not worth a sample of its own.
  for (let left = options.duration; left > 0.005; ) {
    await sleep(Math.min(1, left) * 1000);
    const after = readEdge(parties);
    left = (parties.window.endMillis - after.millis) / 1000;
    perSecond.push(sampleBetween(before, after));
    if (options.verbose) print(formatSecond(perSecond.length, perSecond.at(-1)!));
    before = after;
  }
  onEvent('window-end');
  await clock?.stop();
  for (const publisher of parties.publishers) publisher.finish();
  if (options.rate > 0 || options.verify) await drain(options, parties);
  return summarize(options, parties, start, before, perSecond);
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
    const { delivered: now, millis } = readEdge(parties);
    if (now > delivered) lastArrival = millis;
    delivered = now;
    if (!unsent && delivered >= submitted * copies) return;
    if (millis - lastArrival > DRAIN_SILENCE_SECONDS * 1000) return;
    if (millis - started > DRAIN_SECONDS_MAX * 1000) return;
    await sleep(10);
  }
}

function readEdge(parties: Parties): Edge {
  let published = 0;
  let confirmed = 0;
  let delivered = 0;
  for (const publisher of parties.publishers) {
    published += publisher.published;
    confirmed += publisher.confirmed;
  }
  for (const consumer of parties.consumers) delivered += consumer.delivered;
  const { user, system } = process.cpuUsage();
  return {
    millis: monotonicMillis(),
    published,
    confirmed,
    delivered,
    cpuSeconds: (user + system) / 1e6,
  };
}

function sampleBetween(before: Edge, after: Edge): SecondSample {
  const seconds = (after.millis - before.millis) / 1000;
  return {
    publishedPerSecond: (after.published - before.published) / seconds,
    deliveredPerSecond: (after.delivered - before.delivered) / seconds,
    confirmedPerSecond: (after.confirmed - before.confirmed) / seconds,
  };
}
