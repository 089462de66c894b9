// Test support: the queues of the durable walk, what is special about each, and what that means for a
// message: the confirm that it gets, the level of its priority.
import {
  LANE_MEMORY,
  LANE_SYNCED,
  LANE_WRITTEN,
} from '../../../../shards/mailbox/confirm-counter.ts';

export const FIXED = [1, 2, 3, 4];
/** Its rejected messages go on; the walk plays the acceptor that takes them. */
export const DYING = 4;
/** Deleted and made anew under another number from time to time. */
export const FIRST_PASSING = 10;
const PRIORITY_MAX = 3;
export const WRITE = { arguments: { 'x-durability': 'write', 'x-max-priority': PRIORITY_MAX } };
export const DEAD_LETTERS = { arguments: { 'x-dead-letter-exchange': 'dlx' } };
export const MEMORY = { durable: false };

/** What the priority of a message comes to in the queue that has priorities. */
export function levelOf(id: number): number {
  return id % 6 === 5 ? 0 : Math.min(id % 6, PRIORITY_MAX);
}

export function laneOf(queues: readonly number[]): number {
  const isSynced = (queue: number): boolean =>
    queue === 1 || queue === DYING || queue >= FIRST_PASSING;
  if (queues.some(isSynced)) return LANE_SYNCED;
  return queues.includes(2) ? LANE_WRITTEN : LANE_MEMORY;
}
