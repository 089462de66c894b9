// At which part of a memory budget what happens (docs/flow-control.md). Shards apply it to queues,
// main to virtual hosts and the broker (src/supervisor/memory-watch.ts).

/** From here on publishers are slowed. */
export const SLOW_SHARE = 0.8;
/** Slowing ends a little below where it began, so that it does not flutter. */
export const SLOW_END_SHARE = 0.72;
/** What was closed at 100 % opens again below this. */
export const REOPEN_SHARE = 0.9;
/** While a virtual host is slowed, its queues that hold this part of its budget are. */
export const LARGE_QUEUE_SHARE = 0.05;
