// channel.close (specification 1.5.2.5). Acceptor thread. close-ok is sent when every shard has put
// the channel's unacked messages back, so a client that goes on elsewhere finds them.
import type { Channel } from '../channel.ts';

export function channelClose(channel: Channel): void {
  const { connection } = channel;
  channel.end(() => {
    connection.channels.forget(channel);
    if (connection.state === 'running') {
      connection.send(channel.number, { name: 'channel.close-ok' });
    }
  });
}
