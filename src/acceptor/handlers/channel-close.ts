// channel.close (specification 1.5.2.5). Acceptor thread. close-ok is sent when every shard has put
// the channel's unacked messages back, so a client that goes on elsewhere finds them.
import type { Channel } from '../channel.ts';
import { forgetReplyQueue } from './named-queue.ts';

export function channelClose(channel: Channel): void {
  const { connection, replyConsumer } = channel;
  const hasReplies = replyConsumer?.isGone === false;
  const finish = (): void => {
    connection.channels.forget(channel);
    if (connection.state === 'running') {
      connection.send(channel.number, { name: 'channel.close-ok' });
    }
  };
  channel.end(() => {
    if (hasReplies) void forgetReplyQueue(replyConsumer).then(finish);
    else finish();
  });
}
