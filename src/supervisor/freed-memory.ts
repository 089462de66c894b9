// Has the C library's allocator give memory back that was freed. Main thread, once, before the
// others start.
//
// glibc raises its threshold for mappings of their own to the largest that was freed (up to
// 32 MiB); from then on chunks of the store and other large buffers share arenas with small ones,
// and what is freed stays there whenever something lies behind it. Measured in half an hour of
// mixed churn: a shard's arena between 75 and 110 MiB, for 75 MiB in use, and its lowest slowly
// rising; with this 12.5 MiB all the time, and what is mapped follows what is used.
import { loadAddon } from '../base/addon.ts';

/** Below a chunk of the store (1 MiB), above what sockets and reads of the log allocate. */
const MAPPED_BYTES = 512 * 1024;
/** Of each arena: enough that memory does not go to and fro with each burst. */
const KEPT_BYTES = 8 * 1024 * 1024;

/** Whoever has set these has a reason. Source: mallopt(3), "Environment variables". */
const OPERATORS_OWN = ['MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'GLIBC_TUNABLES'];

interface AllocatorAddon {
  returnFreedMemory(mappedBytes: number, keptBytes: number): boolean;
}

/** Without the addon, and on systems with another C library, the allocator does as it likes. */
export function returnFreedMemory(environment: NodeJS.ProcessEnv): void {
  if (OPERATORS_OWN.some((name) => environment[name] !== undefined)) return;
  (loadAddon() as AllocatorAddon | undefined)?.returnFreedMemory(MAPPED_BYTES, KEPT_BYTES);
}
