// The idle scenario: open many connections that do nothing, without heartbeats, and hold them, so
// that somebody can look at the broker's memory. Generator's process, cold.
// Invariant: a connection lost while it is held fails the run: a broker that drops idle clients
// must not look frugal.
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadConnection, parseEndpoint } from './connection.ts';
import { monotonicMillis } from './measuring-window.ts';
import type { LoadOptions } from './options.ts';
import type { IdleResult } from './result.ts';
import { requireOpenFiles } from './file-limit.ts';
import { withoutPassword } from './summary.ts';
import type { LoadEvent } from './window-samples.ts';

const OPENING_AT_ONCE = 32;

export async function runIdle(
  options: LoadOptions,
  onEvent: (event: LoadEvent) => void,
): Promise<IdleResult> {
  requireOpenFiles(options.idleConnections);
  const failure = Promise.withResolvers<never>();
  const endpoint = parseEndpoint(options.url);
  const connections: LoadConnection[] = [];
  const shown = { ...options, url: withoutPassword(options.url) };
  let started = 0;
  const openSome = async (): Promise<void> => {
    while (started < options.idleConnections) {
      started += 1;
      const connection = await LoadConnection.open(endpoint, failure.reject);
      await connection.openChannel();
      connections.push(connection);
    }
  };
  const work = async (): Promise<IdleResult> => {
    onEvent('window-start');
    const before = monotonicMillis();
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
    const openSeconds = (monotonicMillis() - before) / 1000;
    await sleep(options.duration * 1000);
    onEvent('window-end');
    // A moment for whoever listens to the event, before the connections go.
    await sleep(options.warmup * 1000);
    for (const connection of connections) connection.destroy();
    return { options: shown, idleConnections: connections.length, openSeconds };
  };
  return await Promise.race([work(), failure.promise]);
}
