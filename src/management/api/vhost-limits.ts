// /api/vhost-limits: how many connections and queues a virtual host may have, in RabbitMQ's form.
// Main thread. What was set here is a parameter (component vhost-limits, as in RabbitMQ) and comes
// before what default_limits.vhosts says of every virtual host. One without limits is not listed.
import { limitsOfVhost } from '../../config/vhost-limits.ts';
import { visibleVhosts } from '../access.ts';
import type { BrokerView } from '../broker-view.ts';
import { notFound } from '../http-refusal.ts';
import { requireKeys } from '../json-body.ts';
import { type ApiRequest, NO_CONTENT, type Reply, resource } from '../route.ts';
import { vhostOf } from './listing.ts';
import { VHOST_LIMITS } from './parameter-components.ts';
import { findParameter, setParameter } from './parameters.ts';
import { recordFact } from './record-fact.ts';
import { limitIn } from './user-limits.ts';

const PARAMETER = { component: VHOST_LIMITS, name: 'limits' } as const;
const NAMES = new Set(['max-connections', 'max-queues']);

type Limits = Readonly<Record<string, number>>;

function listVhostLimits({ user, broker }: ApiRequest): object {
  return visibleVhosts(user, broker.source.topology).flatMap((vhost) => limitsJson(vhost, broker));
}

function getVhostLimits(request: ApiRequest): object {
  return limitsJson(vhostOf(request), request.broker);
}

async function putLimit(request: ApiRequest): Promise<Reply> {
  const vhost = vhostOf(request);
  const name = limitName(request);
  const body = await request.json();
  requireKeys(body, ['value']);
  const value = { ...limitsSet(vhost, request.broker), [name]: limitIn(body, 'value') };
  await setParameter(request.broker, { vhost, ...PARAMETER, value });
  return NO_CONTENT;
}

async function deleteLimit(request: ApiRequest): Promise<Reply> {
  const vhost = vhostOf(request);
  const { [limitName(request)]: _gone, ...value } = limitsSet(vhost, request.broker);
  if (Object.keys(value).length > 0) {
    await setParameter(request.broker, { vhost, ...PARAMETER, value });
  } else if (findParameter(request.broker, vhost, PARAMETER.component, PARAMETER.name)) {
    const parameter = { vhost, ...PARAMETER };
    await recordFact(request.broker, { kind: 'parameter-deleted', parameter });
  }
  return NO_CONTENT;
}

function limitName({ parameters }: ApiRequest): string {
  if (!NAMES.has(parameters['name'])) throw notFound();
  return parameters['name'];
}

function limitsSet(vhost: string, broker: BrokerView): Limits {
  const found = findParameter(broker, vhost, PARAMETER.component, PARAMETER.name);
  return (found?.value ?? {}) as Limits;
}

function limitsJson(vhost: string, broker: BrokerView): object[] {
  const { connectionsMax, queuesMax } = limitsOfVhost(broker.source.config.vhostLimits, vhost);
  const value = {
    ...(connectionsMax > 0 ? { 'max-connections': connectionsMax } : {}),
    ...(queuesMax > 0 ? { 'max-queues': queuesMax } : {}),
    ...limitsSet(vhost, broker),
  };
  return Object.keys(value).length === 0 ? [] : [{ vhost, value }];
}

export const vhostLimitRoutes = [
  resource('/api/vhost-limits', 'management', { GET: listVhostLimits }),
  resource('/api/vhost-limits/:vhost', 'visible-vhost', { GET: getVhostLimits }),
  resource('/api/vhost-limits/:vhost/:name', 'administrator', {
    PUT: putLimit,
    DELETE: deleteLimit,
  }),
];
