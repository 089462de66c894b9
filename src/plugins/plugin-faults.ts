// What plugins do wrong while the broker runs: counted, and logged so that a plugin that fails with
// each message does not fill the disk. Any thread that runs plugins. This is the boundary: an error
// of a plugin is caught where the plugin is called, handed over here, and goes no further.
import type { Logger } from '../base/logger.ts';

const QUIET_MILLIS = 10_000;

/** One place in one plugin. */
interface Place {
  loggedAtMillis: number;
  /** Since the last line. */
  unlogged: number;
}

export class PluginFaults {
  count: number;
  private readonly log: Pick<Logger, 'error'>;
  private readonly nowMillis: () => number;
  private readonly places: Map<string, Place>;

  constructor(log: Pick<Logger, 'error'>, nowMillis: () => number = () => performance.now()) {
    this.count = 0;
    this.log = log;
    this.nowMillis = nowMillis;
    this.places = new Map();
  }

  /** `where`: what was called, such as `route() of x-geo`. */
  caught(plugin: string, where: string, error: unknown): void {
    this.count += 1;
    const key = `${plugin}: ${where}`;
    const now = this.nowMillis();
    const place = this.places.get(key);
    if (place !== undefined && now - place.loggedAtMillis < QUIET_MILLIS) {
      place.unlogged += 1;
      return;
    }
    const before = place === undefined || place.unlogged === 0 ? undefined : place.unlogged;
    this.places.set(key, { loggedAtMillis: now, unlogged: 0 });
    const fields = { plugin, where, error: errorOf(error), unloggedBefore: before };
    this.log.error('a plugin has failed', fields);
  }
}

/** Anything can be thrown. */
function errorOf(error: unknown): Error | string {
  return error instanceof Error ? error : String(error);
}
