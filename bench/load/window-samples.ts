// The measured window of a run that moves messages: its edges, and a sample per second in between.
// Generator's process, cold.
// Invariants: rates come from counters read at the edges of the window, and the parent process is
// told of both edges, so that it reads its own meters at the same moments.
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMillis, type MeasuringWindow } from './measuring-window.ts';
import type { LoadOptions } from './options.ts';
import { formatSecond, type SecondSample } from './result.ts';

/** What a parent process may want to know. */
export type LoadEvent = 'window-start' | 'window-end';

export interface Counters {
  readonly published: number;
  readonly confirmed: number;
  readonly delivered: number;
  /** Of bodies, received. */
  readonly deliveredBytes: number;
}

/** All counters at one moment. */
export interface Edge extends Counters {
  readonly millis: number;
  readonly cpuSeconds: number;
}

export interface WindowSamples {
  readonly start: Edge;
  readonly end: Edge;
  readonly perSecond: readonly SecondSample[];
}

/** Processor time that this process has used so far. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Opens `window` now and closes it after the duration that was asked for. */
export async function sampleWindow(
  options: LoadOptions,
  window: MeasuringWindow,
  readCounters: () => Counters,
  onEvent: (event: LoadEvent) => void,
  print: (line: string) => void,
): Promise<WindowSamples> {
  const readEdge = (): Edge => ({
    millis: monotonicMillis(),
    cpuSeconds: ownCpuSeconds(),
    ...readCounters(),
  });
  const perSecond: SecondSample[] = [];
  const start = readEdge();
  window.startMillis = start.millis;
  window.endMillis = start.millis + options.duration * 1000;
  onEvent('window-start');
  let before = start;
  // Timers may fire a little early: what is left then is not worth a sample of its own.
  for (let left = options.duration; left > 0.005; ) {
    await sleep(Math.min(1, left) * 1000);
    const after = readEdge();
    left = (window.endMillis - after.millis) / 1000;
    perSecond.push(sampleBetween(before, after));
    if (options.verbose) print(formatSecond(perSecond.length, perSecond.at(-1)!));
    before = after;
  }
  onEvent('window-end');
  return { start, end: before, perSecond };
}

function sampleBetween(before: Edge, after: Edge): SecondSample {
  const seconds = (after.millis - before.millis) / 1000;
  return {
    publishedPerSecond: (after.published - before.published) / seconds,
    deliveredPerSecond: (after.delivered - before.delivered) / seconds,
    confirmedPerSecond: (after.confirmed - before.confirmed) / seconds,
  };
}
