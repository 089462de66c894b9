// Refusals about transactions (class tx). Acceptor thread. The texts are RabbitMQ's, but for the
// limit, which RabbitMQ does not have.
import { readableSize } from '../base/readable-size.ts';
import { defineRefusal } from './refusal.ts';

export const notTransactional = defineRefusal(
  {
    id: 'transaction.not-selected',
    code: 406,
    scope: 'channel',
    remedy: 'Send tx.select on the channel first.',
  },
  () => 'channel is not transactional',
);

export const transactionOnConfirms = defineRefusal(
  {
    id: 'transaction.on-confirms',
    code: 406,
    scope: 'channel',
    remedy: 'Use another channel: one has publisher confirms or transactions, not both.',
  },
  () => 'cannot switch from confirm to tx mode',
);

export const confirmOnTransaction = defineRefusal(
  {
    id: 'transaction.confirms-on-transaction',
    code: 406,
    scope: 'channel',
    remedy: 'Use another channel: one has publisher confirms or transactions, not both.',
  },
  () => 'cannot switch from tx to confirm mode',
);

export const transactionTooLarge = defineRefusal(
  {
    id: 'transaction.too-large',
    code: 406,
    scope: 'channel',
    remedy: 'Commit more often, or raise channel.transaction_bytes in the configuration.',
  },
  (keptBytes: number, moreBytes: number, limitBytes: number) =>
    `transaction too large: it holds ${readableSize(keptBytes)} and cannot take ` +
    `${readableSize(moreBytes)} more; a channel may hold ${readableSize(limitBytes)} ` +
    "(channel.transaction_bytes), all channels half of their acceptor's memory for large bodies",
);

export const transactionIncomplete = defineRefusal(
  {
    id: 'transaction.incomplete',
    code: 406,
    scope: 'channel',
    remedy:
      'A queue was full and refused a publish; the others were taken. Make room, and publish ' +
      'again what is missing.',
  },
  () => 'partial tx completion',
);
