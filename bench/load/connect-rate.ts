// Connections by the clock: so many per second are opened (whole handshake and a channel), held for
// a moment and closed, whether or not the broker keeps up. Generator's process.
// Invariants: open loop: a connection's time counts from when it was to be opened, also when it had
// to wait here because too many others were on their way, so a slow broker cannot slow down its own
// measurement; a failure is counted with its text and does not end the run.
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadConnection, parseEndpoint, type Endpoint } from './connection.ts';
import { FailureCount } from './failure-count.ts';
import { requireOpenFiles } from './file-limit.ts';
import { Histogram } from './histogram.ts';
import { MeasuringWindow, monotonicMillis } from './measuring-window.ts';
import type { LoadOptions } from './options.ts';
import type { ConnectResult } from './result.ts';
import { SliceClock, dueAfter } from './slice-clock.ts';
import { withoutPassword } from './summary.ts';
import { ownCpuSeconds, type LoadEvent } from './window-samples.ts';

/** Handshakes under way at a time; further ones wait here and keep their intended time. */
const CONNECTING_MAX = 1000;
const DRAIN_SECONDS_MAX = 15;

export async function runConnectRate(
  options: LoadOptions,
  onEvent: (event: LoadEvent) => void,
): Promise<ConnectResult> {
  requireOpenFiles(CONNECTING_MAX + Math.ceil(options.connectRate * options.hold * 2));
  const endpoint = parseEndpoint(options.url);
  // Whoever cannot get in at all is told so, instead of a table of failures.
  await (await LoadConnection.open(endpoint, () => undefined)).close();
  const opener = new Opener(endpoint, options.hold);
  const clock = new SliceClock((slice, millis) => {
    const count = dueAfter(slice + 1, options.connectRate) - dueAfter(slice, options.connectRate);
    for (let index = 0; index < count; index += 1) opener.due(millis);
  });
  await sleep(options.warmup * 1000);
  const start = { millis: monotonicMillis(), cpu: ownCpuSeconds(), opened: opener.opened };
  opener.window.startMillis = start.millis;
  opener.window.endMillis = start.millis + options.duration * 1000;
  onEvent('window-start');
  await sleep(options.duration * 1000);
  const seconds = (monotonicMillis() - start.millis) / 1000;
  const opened = opener.opened - start.opened;
  const generatorCpuSeconds = ownCpuSeconds() - start.cpu;
  onEvent('window-end');
  await clock.stop();
  await opener.drain();
  return {
    options: { ...options, url: withoutPassword(options.url) },
    seconds,
    attempted: opener.attempted,
    opened,
    openedPerSecond: opened / seconds,
    generatorCpuSeconds,
    handshakeMicros: opener.handshakes.summary(),
    failed: opener.failures.count,
    failures: opener.failures.texts(),
  };
}

class Opener {
  readonly window = new MeasuringWindow();
  readonly handshakes = new Histogram();
  readonly failures = new FailureCount();
  /** Intended for the window. */
  attempted = 0;
  opened = 0;
  readonly #endpoint: Endpoint;
  readonly #holdSeconds: number;
  readonly #waiting: number[] = [];
  readonly #alive = new Set<LoadConnection>();
  #connecting = 0;

  constructor(endpoint: Endpoint, holdSeconds: number) {
    this.#endpoint = endpoint;
    this.#holdSeconds = holdSeconds;
  }

  /** One more connection, to be opened at `millis`. */
  due(millis: number): void {
    if (this.window.includes(millis)) this.attempted += 1;
    if (this.#connecting < CONNECTING_MAX) void this.#connect(millis);
    else this.#waiting.push(millis);
  }

  /** Waits for what is under way; what never ends is a failure. */
  async drain(): Promise<void> {
    const deadline = monotonicMillis() + DRAIN_SECONDS_MAX * 1000;
    const left = (): number => this.#connecting + this.#waiting.length + this.#alive.size;
    while (left() > 0 && monotonicMillis() < deadline) await sleep(10);
    for (let count = left(); count > 0; count -= 1) {
      this.failures.note(`not done ${DRAIN_SECONDS_MAX} s after the window`);
    }
    this.#waiting.length = 0;
    for (const connection of this.#alive) connection.destroy();
  }

  async #connect(millis: number): Promise<void> {
    this.#connecting += 1;
    const connection = await this.#handshake(millis);
    this.#connecting -= 1;
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#connect(next);
    if (connection === undefined) return;
    this.#alive.add(connection);
    try {
      await sleep(this.#holdSeconds * 1000);
      await connection.close();
    } catch (error) {
      this.failures.note(error);
      connection.destroy();
    }
    this.#alive.delete(connection);
  }

  async #handshake(millis: number): Promise<LoadConnection | undefined> {
    try {
      // A connection lost while it is held is noticed by its close.
      const connection = await LoadConnection.open(this.#endpoint, () => undefined);
      await connection.openChannel();
      this.opened += 1;
      if (this.window.includes(millis)) {
        this.handshakes.record((monotonicMillis() - millis) * 1000, 1);
      }
      return connection;
    } catch (error) {
      this.failures.note(error);
      return undefined;
    }
  }
}
