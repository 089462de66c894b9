// tx.commit (specification 1.9.2.3). Acceptor thread. commit-ok is the transaction's to send, when
// all its publishes are confirmed.
import { AmqpError } from '../../errors/refusal.ts';
import { notTransactional } from '../../errors/transaction-refusals.ts';
import type { Channel } from '../channel.ts';

export function txCommit(channel: Channel): void {
  if (channel.transaction === undefined) throw new AmqpError(notTransactional());
  channel.transaction.commit();
}
