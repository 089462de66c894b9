// What a depot is given by its shard. Shard thread, types.
import type { PeekReads } from '../log/peek-reads.ts';
import type { ShardLog } from '../log/shard-log.ts';
import type { ShardNotice } from '../mailbox/control-messages.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { Deadlines } from '../time/deadlines.ts';
import type { HeavyTurns } from './heavy-turns.ts';

/** Routing, properties and body of the largest message that goes to a depot. */
export const DELAYED_DATA_BYTES_MAX = 4096;

export interface DepotSurroundings {
  /** DATA/delayed: every depot has a directory in it, by the number of its queue. */
  readonly directory: string;
  readonly store: MessageStore;
  readonly shardLog: ShardLog;
  readonly peeks: PeekReads;
  readonly deadlines: Deadlines;
  readonly heavy: HeavyTurns;
  readonly inlineBytesMax: number;
  /** For tests: shorter periods than the usual. */
  readonly finestShift?: number | undefined;
  readonly notify: (notice: ShardNotice) => void;
  /** The disk fails: nothing can be kept any more. */
  readonly fail: (reason: string) => void;
  /** Asks for a turn of the shard. */
  readonly schedule: () => void;
}
