// GET /api/health/checks/... and the older /api/healthchecks/node. Main thread. 200 and "ok", or
// 503 with the reason: load balancers and orchestrators look at the status alone.
import { badRequest, HttpRefusal } from '../http-refusal.ts';
import { type ApiRequest, readOnly } from '../route.ts';
import { lowResources } from '../source.ts';
import { certificateExpiration } from './certificate-expiration.ts';
import { listenerProtocol } from './listener-protocols.ts';

const OK = { status: 'ok' };

/**
 * The alarms of memory and disk. A virtual host that holds its whole budget is no reason to take
 * the broker out of service.
 */
function alarmCheck(reason: string) {
  return ({ broker }: ApiRequest): object => {
    const alarms = lowResources(broker.source).map((resource) => ({ node: broker.node, resource }));
    if (alarms.length === 0) return OK;
    throw new HttpRefusal(503, { status: 'failed', reason, alarms });
  };
}

function portListener({ parameters, broker }: ApiRequest): object {
  const text = parameters['port'];
  if (!/^\d{1,5}$/u.test(text)) throw badRequest('Invalid port');
  const port = Number(text);
  const ports = broker.listeners().map(({ address }) => address.port);
  if (ports.includes(port)) return { ...OK, port };
  throw new HttpRefusal(503, {
    status: 'failed',
    reason: 'No active listener',
    missing: port,
    ports,
  });
}

/** By any of the names that the protocol has: `amqp091` is `amqp`. */
function protocolListener({ parameters, broker }: ApiRequest): object {
  const protocol = listenerProtocol(parameters['protocol']);
  const protocols = broker.listeners().map((listener) => listener.protocol);
  if (protocols.some((known) => known === protocol)) return { ...OK, protocol };
  throw new HttpRefusal(503, {
    status: 'failed',
    reason: 'No active listener',
    missing: protocol,
    protocols: [...new Set(protocols)],
  });
}

/** Whoever does not listen serves no clients: warrenmqctl stop_app, or the start is not done. */
function servesClients({ broker }: ApiRequest): object {
  if (broker.listeners().some(({ protocol }) => protocol.startsWith('amqp'))) return OK;
  throw new HttpRefusal(503, { status: 'failed', reason: 'No AMQP listener is open' });
}

/** Virtual hosts are facts and queues here, and nothing that could be down by itself. */
function virtualHosts(): object {
  return OK;
}

/** Whatever is lost with the only node would be lost with any: RabbitMQ has it so too. */
function nodeIsQuorumCritical(): object {
  return { ...OK, reason: 'single node cluster' };
}

/** Before it is reached, not when it is: the next client would be refused (connection_max). */
function belowNodeConnectionLimit({ broker }: ApiRequest): object {
  const { config, connections } = broker.source;
  const limit = config.connectionMax;
  if (limit === 0 || connections.size < limit) return OK;
  throw new HttpRefusal(503, { status: 'failed', reason: 'node connection limit is reached' });
}

/** Every thread answers. */
async function node({ broker }: ApiRequest): Promise<object> {
  await broker.snapshot();
  return OK;
}

export const healthCheckRoutes = [
  readOnly(
    '/api/health/checks/alarms',
    'management',
    alarmCheck('There are alarms in effect in the cluster'),
  ),
  readOnly(
    '/api/health/checks/local-alarms',
    'management',
    alarmCheck('There are alarms in effect on the node'),
  ),
  readOnly('/api/health/checks/port-listener/:port', 'management', portListener),
  readOnly('/api/health/checks/protocol-listener/:protocol', 'management', protocolListener),
  readOnly(
    '/api/health/checks/certificate-expiration/:within/:unit',
    'management',
    certificateExpiration,
  ),
  readOnly('/api/health/checks/virtual-hosts', 'management', virtualHosts),
  readOnly('/api/health/checks/node-is-quorum-critical', 'management', nodeIsQuorumCritical),
  readOnly('/api/health/checks/ready-to-serve-clients', 'management', servesClients),
  readOnly('/api/health/checks/is-in-service', 'management', servesClients),
  readOnly(
    '/api/health/checks/below-node-connection-limit',
    'management',
    belowNodeConnectionLimit,
  ),
  readOnly('/api/healthchecks/node', 'management', node),
];
