// exchange.delete (specification 1.6.2.3). Acceptor thread; main decides.
import { ID_EXCHANGE_DELETE, type MethodOf } from '../../protocol/methods.generated.ts';
import { isReservedName, withoutLineBreaks } from '../../topology/names.ts';
import type { Channel } from '../channel.ts';

export function exchangeDelete(channel: Channel, method: MethodOf<'exchange.delete'>): void {
  const { vhost, acceptor, access } = channel.connection;
  const name = withoutLineBreaks(method.exchange);
  // What nobody may delete is refused as such.
  if (!isReservedName(name) && name !== '') access.assertMay('configure', 'exchange', name);
  void channel.whileWaiting(ID_EXCHANGE_DELETE, async () => {
    await acceptor.control.execute({
      kind: 'delete-exchange',
      vhost: vhost.name,
      name: method.exchange,
      ifUnused: method.ifUnused,
    });
    if (channel.isOpen && !method.nowait) channel.send({ name: 'exchange.delete-ok' });
  });
}
