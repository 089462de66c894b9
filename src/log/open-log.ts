// Chooses the log: the native module where there is one, the portable log everywhere else. Main and
// shard threads.
import { missingAddonReason } from '../base/addon.ts';
import type { Log, LogCallbacks, LogOptions } from './log.ts';
import { nativeLog } from './native/native-log.ts';
import { PortableLog } from './portable/portable-log.ts';

/** With `native`, throws when the module is missing; with `auto`, the portable log takes over. */
export function openLog(
  options: LogOptions,
  callbacks: LogCallbacks,
  wanted: 'auto' | 'native' | 'portable',
): Log {
  const log = wanted === 'portable' ? undefined : nativeLog(options, callbacks);
  if (log !== undefined) return log;
  if (wanted === 'native') {
    throw new Error(
      `the native log cannot be used: ${missingAddonReason()}. Build it with ` +
        '`npm run build:native` (needs cargo), or set storage.backend = auto.',
    );
  }
  return new PortableLog(options, callbacks);
}
