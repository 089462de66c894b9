// tx.select (specification 1.9.2.1): from now on publishes and acks wait for tx.commit. Again: ok.
// Acceptor thread.
import { AmqpError } from '../../errors/refusal.ts';
import { transactionOnConfirms } from '../../errors/transaction-refusals.ts';
import type { Channel } from '../channel.ts';

export function txSelect(channel: Channel): void {
  if (channel.confirms !== undefined && channel.transaction === undefined) {
    throw new AmqpError(transactionOnConfirms());
  }
  channel.selectTransaction();
  channel.send({ name: 'tx.select-ok' });
}
