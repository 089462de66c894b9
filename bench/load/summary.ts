// From counters to a result: the difference between the edges of the window, merged histograms, and
// the verdict of a verification. Generator's process, cold.
// Invariant: a message per delivery and a message per publish count alike in the generator's cost.
import { Histogram } from './histogram.ts';
import type { LoadOptions } from './options.ts';
import type { LoadRates, LoadResult, VerifyResult } from './result.ts';
import type { Parties } from './parties.ts';
import type { WindowSamples } from './window-samples.ts';

export function summarize(
  options: LoadOptions,
  parties: Parties,
  samples: WindowSamples,
): LoadResult {
  const connections = [...parties.publishers, ...parties.consumers];
  return {
    ...ratesOf(options, samples),
    nacked: total(parties.publishers, (publisher) => publisher.nacked),
    blocked: total(connections, ({ connection }) => connection.blockedCount),
    ...(options.rate > 0 ? openLoopResult(options, parties) : {}),
    ...(options.verify ? { verify: verifyResult(options, parties) } : {}),
  };
}

/** What every run that moves messages reports. */
export function ratesOf(options: LoadOptions, { start, end, perSecond }: WindowSamples): LoadRates {
  const seconds = (end.millis - start.millis) / 1000;
  const published = end.published - start.published;
  const delivered = end.delivered - start.delivered;
  const confirmed = end.confirmed - start.confirmed;
  const deliveredBytes = end.deliveredBytes - start.deliveredBytes;
  const generatorCpuSeconds = end.cpuSeconds - start.cpuSeconds;
  return {
    options: { ...options, url: withoutPassword(options.url) },
    seconds,
    published,
    delivered,
    deliveredBytes,
    confirmed,
    publishedPerSecond: published / seconds,
    deliveredPerSecond: delivered / seconds,
    deliveredBytesPerSecond: deliveredBytes / seconds,
    confirmedPerSecond: confirmed / seconds,
    generatorCpuSeconds,
    generatorCpuMicrosPerMessage: (generatorCpuSeconds * 1e6) / Math.max(1, published + delivered),
    perSecond,
  };
}

/** Results are kept and shown around; what logs in is not. */
export function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  return parsed.href;
}

function openLoopResult(options: LoadOptions, parties: Parties): Partial<LoadResult> {
  const sendLag = merged(parties.publishers.map((publisher) => publisher.sendLag));
  const result = { sendLagMicros: sendLag.summary() };
  const withConfirms =
    options.confirmWindow === 0
      ? result
      : {
          ...result,
          confirmLatencyMicros: merged(
            parties.publishers.map((publisher) => publisher.confirmLatency),
          ).summary(),
        };
  if (parties.consumers.length === 0) return withConfirms;
  const latency = merged(parties.consumers.map((consumer) => consumer.latency));
  const due = total(parties.publishers, (publisher) => publisher.dueInWindow);
  return {
    ...withConfirms,
    latencyMicros: latency.summary(),
    undelivered: due * Math.max(1, options.fanout) - latency.count,
  };
}

function verifyResult(options: LoadOptions, parties: Parties): VerifyResult {
  const published = total(parties.publishers, (publisher) => publisher.submitted);
  const expected = published * Math.max(1, options.fanout);
  const received = total(parties.checks, (check) => check.received);
  const missing = total(parties.checks, (check) => check.missing);
  const repeated = total(parties.checks, (check) => check.repeated);
  const unknown = total(parties.checks, (check) => check.unknown);
  const correct = received === expected && missing + repeated + unknown === 0;
  return { correct, published, expected, received, missing, repeated, unknown };
}

function merged(histograms: readonly (Histogram | undefined)[]): Histogram {
  const sum = new Histogram();
  for (const histogram of histograms) if (histogram !== undefined) sum.add(histogram);
  return sum;
}

function total<Item>(items: readonly Item[], valueOf: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + valueOf(item), 0);
}
