// A queue (or exchange) that is bound to an x-recent-history exchange gets what that one keeps: its
// companion queue sends copies. Acceptor thread; the shard's part is COPY.
import * as layout from '../../shards/mailbox/to-shard-layout.ts';
import { companionName } from '../routing/companion.ts';
import type { DestinationKind } from '../routing/change.ts';
import type { Channel } from './channel.ts';

/** Resolves when the copies have arrived. */
export async function copyHistory(
  channel: Channel,
  binding: {
    readonly source: string;
    readonly destination: string;
    readonly destinationKind: DestinationKind;
  },
): Promise<void> {
  const { acceptor, vhost } = channel.connection;
  const history = vhost.routes.queue(companionName('history', binding.source));
  if (history?.companion === undefined) return;
  const name = Buffer.from(binding.destination, 'utf8');
  const end = binding.destinationKind === 'exchange' ? Buffer.of(0) : Buffer.alloc(0);
  const address = Buffer.concat([Buffer.of(name.length), name, end]);
  await new Promise<void>((resolve) => {
    const request = acceptor.requests.add(() => resolve());
    const words = [request, history.id, address.length, 0, ...layout.wordsOfBytes(address)];
    acceptor.links[history.shard].operate(
      layout.COPY,
      layout.copyRecordBytes(address.length),
      words,
    );
    acceptor.scheduleTurn();
  });
}
