// The table of channel methods that clients send, each with its handler. Acceptor thread.
// basic.publish and basic.ack are not here: they have ways of their own (dispatch.ts).
import { secondChannelOpen } from '../../errors/connection-refusals.ts';
import { AmqpError } from '../../errors/refusal.ts';
import type { MethodName, MethodOf } from '../../protocol/methods.generated.ts';
import type { Channel } from '../channel.ts';
import { basicCancel } from './basic-cancel.ts';
import { basicConsume } from './basic-consume.ts';
import { basicGet } from './basic-get.ts';
import { basicNack } from './basic-nack.ts';
import { basicQos } from './basic-qos.ts';
import { basicRecover, basicRecoverAsync } from './basic-recover.ts';
import { basicReject } from './basic-reject.ts';
import { exchangeBind, exchangeUnbind, queueBind, queueUnbind } from './bindings.ts';
import { channelClose } from './channel-close.ts';
import { channelFlow } from './channel-flow.ts';
import { confirmSelect } from './confirm-select.ts';
import { exchangeDeclare } from './exchange-declare.ts';
import { exchangeDelete } from './exchange-delete.ts';
import { queueDeclare } from './queue-declare.ts';
import { queueDelete } from './queue-delete.ts';
import { queuePurge } from './queue-purge.ts';
import { txCommit } from './tx-commit.ts';
import { txRollback } from './tx-rollback.ts';
import { txSelect } from './tx-select.ts';

type ChannelHandlers = {
  readonly [N in MethodName]?: (channel: Channel, method: MethodOf<N>) => void;
};

/** Answers the client's answer to a request of ours. */
const ignore = (): void => {};

export const channelHandlers: ChannelHandlers = {
  'channel.open': () => {
    throw new AmqpError(secondChannelOpen());
  },
  'channel.close': channelClose,
  'channel.flow': channelFlow,
  'channel.flow-ok': ignore,
  // RabbitMQ keeps access tickets for 0-8 and 0-9 clients: everything is granted ticket 1.
  'access.request': (channel) => channel.send({ name: 'access.request-ok', ticket: 1 }),
  'exchange.declare': exchangeDeclare,
  'exchange.delete': exchangeDelete,
  'exchange.bind': exchangeBind,
  'exchange.unbind': exchangeUnbind,
  'queue.declare': queueDeclare,
  'queue.bind': queueBind,
  'queue.unbind': queueUnbind,
  'queue.purge': queuePurge,
  'queue.delete': queueDelete,
  'basic.qos': basicQos,
  'basic.consume': basicConsume,
  'basic.cancel': basicCancel,
  // The client's answer to a consumer cancel notification.
  'basic.cancel-ok': ignore,
  'basic.get': basicGet,
  'basic.reject': basicReject,
  'basic.nack': basicNack,
  'basic.recover': basicRecover,
  'basic.recover-async': basicRecoverAsync,
  'confirm.select': confirmSelect,
  'tx.select': txSelect,
  'tx.commit': txCommit,
  'tx.rollback': txRollback,
};
