// tx.rollback (specification 1.9.2.5): the publishes are dropped, and what was acked is unacked
// again; nothing is redelivered (basic.recover does that). Acceptor thread.
import { AmqpError } from '../../errors/refusal.ts';
import { notTransactional } from '../../errors/transaction-refusals.ts';
import type { Channel } from '../channel.ts';

export function txRollback(channel: Channel): void {
  if (channel.transaction === undefined) throw new AmqpError(notTransactional());
  channel.transaction.rollback();
  channel.send({ name: 'tx.rollback-ok' });
}
