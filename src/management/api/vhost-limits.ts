// GET /api/vhost-limits and /api/vhost-limits/:vhost: what default_limits.vhosts allows each
// virtual host, in RabbitMQ's form. Main thread. One without limits is not listed.
import { limitsOfVhost } from '../../config/vhost-limits.ts';
import { visibleVhosts } from '../access.ts';
import type { BrokerView } from '../broker-view.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { vhostOf } from './listing.ts';

function listVhostLimits({ user, broker }: ApiRequest): object {
  return visibleVhosts(user, broker.source.topology).flatMap((vhost) => limitsJson(vhost, broker));
}

function getVhostLimits(request: ApiRequest): object {
  return limitsJson(vhostOf(request), request.broker);
}

function limitsJson(vhost: string, broker: BrokerView): object[] {
  const { connectionsMax, queuesMax } = limitsOfVhost(broker.source.config.vhostLimits, vhost);
  const value = {
    ...(connectionsMax > 0 ? { 'max-connections': connectionsMax } : {}),
    ...(queuesMax > 0 ? { 'max-queues': queuesMax } : {}),
  };
  return Object.keys(value).length === 0 ? [] : [{ vhost, value }];
}

export const vhostLimitRoutes = [
  readOnly('/api/vhost-limits', 'management', listVhostLimits),
  readOnly('/api/vhost-limits/:vhost', 'visible-vhost', getVhostLimits),
];
