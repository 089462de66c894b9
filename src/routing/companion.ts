// Companion queues: where an exchange keeps messages of its own, such as its recent history or what
// it delays. Any thread. A companion is an ordinary queue on a shard, made and deleted with its
// exchange by the control plane; clients neither see it nor reach it (its name begins with "amq.",
// and `QueueSpec.companion` says what it is).
import { createHash } from 'node:crypto';
import type { FieldTable } from '../protocol/field-table.ts';

/** history: the last messages, for queues bound later. delay: messages whose time has not come. */
export type CompanionRole = 'history' | 'delay';

/** Whose companion a queue is. */
export interface Companion {
  readonly exchange: string;
  readonly role: CompanionRole;
}

/** What an exchange type asks the control plane for. */
export interface CompanionRequest {
  readonly role: CompanionRole;
  /** Of the queue. */
  readonly arguments: FieldTable;
}

/** What an exchange with delays asks for. */
export const DELAY_COMPANION: CompanionRequest = { role: 'delay', arguments: {} };

const PREFIXES: Readonly<Record<CompanionRole, string>> = {
  history: 'amq.recent-history.',
  delay: 'amq.delayed.',
};
const NAME_BYTES_MAX = 255;

/** An exchange's name can be too long to be put behind a prefix: then its hash is. */
export function companionName(role: CompanionRole, exchange: string): string {
  const name = PREFIXES[role] + exchange;
  if (Buffer.byteLength(name, 'utf8') <= NAME_BYTES_MAX) return name;
  return PREFIXES[role] + createHash('sha256').update(exchange).digest('hex');
}
