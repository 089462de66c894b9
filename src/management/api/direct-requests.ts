// Requests that a user could as well send by AMQP: the management API sends them for the user, over
// a direct connection, so that permissions, checks and refusals are the same. Main thread.
import type { FieldTable } from '../../protocol/field-table.ts';
import type { Method } from '../../protocol/methods.generated.ts';
import { vhostRefused } from '../http-refusal.ts';
import { type DirectChannel, withChannel } from '../direct-channel.ts';
import type { ApiRequest } from '../route.ts';
import { vhostOf } from './listing.ts';

/** Runs `use` on a channel of the user in the virtual host of the path. */
export async function asClient<Result>(
  request: ApiRequest,
  use: (channel: DirectChannel) => Promise<Result>,
): Promise<Result> {
  const { broker, user } = request;
  const vhost = vhostOf(request);
  // Administrators may see what is in virtual hosts that they may not use.
  const access = user.accessTo(vhost);
  if (access === undefined) throw vhostRefused(vhost, user.name);
  return await withChannel(broker.source.control.openDirect(user.name, vhost, access), use);
}

/** One method, and what it is answered with. */
export async function askAsClient(request: ApiRequest, method: Method): Promise<Method> {
  return await asClient(request, async (channel) => (await channel.ask(method)).method);
}

export interface BindingEnds {
  readonly source: string;
  readonly destination: string;
  readonly destinationKind: 'queue' | 'exchange';
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

export function bindMethod(ends: BindingEnds): Method {
  const { source, destination, destinationKind, routingKey, arguments: args } = ends;
  const rest = { routingKey, nowait: false, arguments: args };
  if (destinationKind === 'exchange')
    return { name: 'exchange.bind', destination, source, ...rest };
  return { name: 'queue.bind', queue: destination, exchange: source, ...rest };
}

export function unbindMethod(ends: BindingEnds): Method {
  const { source, destination, destinationKind, routingKey, arguments: args } = ends;
  if (destinationKind === 'queue') {
    return {
      name: 'queue.unbind',
      queue: destination,
      exchange: source,
      routingKey,
      arguments: args,
    };
  }
  const rest = { routingKey, nowait: false, arguments: args };
  return { name: 'exchange.unbind', destination, source, ...rest };
}
