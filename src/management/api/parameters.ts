// /api/parameters and /api/global-parameters (https://www.rabbitmq.com/docs/parameters): named
// pieces of configuration of components. Main thread. Which components there are and what their
// values look like is in parameter-components.ts. Policies are parameters too and have resources of
// their own; what is kept of virtual hosts and of the whole broker goes by components of ours,
// which are not shown.
import type { JsonValue, Parameter } from '../../supervisor/facts/fact.ts';
import { GLOBAL_PARAMETERS as GLOBAL, VHOST_METADATA } from '../../topology/own-parameters.ts';
import type { BrokerView } from '../broker-view.ts';
import { badRequest, notFound } from '../http-refusal.ts';
import { type Json, requireKeys } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, CREATED, NO_CONTENT, type Reply, resource } from '../route.ts';
import { accessibleVhosts } from '../access.ts';
import { vhostOf } from './listing.ts';
import { assertParameter } from './parameter-components.ts';
import { recordFact } from './record-fact.ts';

const OWN_COMPONENTS = new Set<string>([GLOBAL.component, VHOST_METADATA.component]);
const POLICIES = new Set(['policy', 'operator_policy']);

/** Those that any plugin can have, in the order in which they were set. */
export function parametersOf({ source }: BrokerView): Parameter[] {
  return [...source.control.parameters()].filter(
    ({ component }) => !OWN_COMPONENTS.has(component) && !POLICIES.has(component),
  );
}

export function findParameter(
  { source }: BrokerView,
  vhost: string,
  component: string,
  name: string,
): Parameter | undefined {
  for (const parameter of source.control.parameters()) {
    if (parameter.vhost !== vhost || parameter.component !== component) continue;
    if (parameter.name === name) return parameter;
  }
  return undefined;
}

export function globalParameters({ source }: BrokerView): { name: string; value: JsonValue }[] {
  return [...source.control.parameters()]
    .filter(({ component }) => component === GLOBAL.component)
    .map(({ name, value }) => ({ name, value }));
}

/** Kept as JSON, which has no integers beyond 2^53. */
export function jsonValue(value: Json): JsonValue {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]));
}

/** Whether it is a component's is for whoever takes it from a user to say. */
export async function setParameter(view: BrokerView, parameter: Parameter): Promise<void> {
  await recordFact(view, { kind: 'parameter-set', parameter });
}

export async function setGlobal(view: BrokerView, name: string, value: JsonValue): Promise<void> {
  await setParameter(view, { ...GLOBAL, name, value });
}

function listParameters(request: ApiRequest): JsonList<Parameter> {
  const { parameters, user, broker } = request;
  const { component } = parameters;
  const vhosts = new Set(
    parameters['vhost'] === undefined
      ? accessibleVhosts(user, broker.source.topology)
      : [vhostOf(request)],
  );
  const shown = parametersOf(broker).filter((parameter) => {
    if (component !== undefined && parameter.component !== component) return false;
    return vhosts.has(parameter.vhost);
  });
  return new JsonList(shown, parameterJson);
}

function getParameter(request: ApiRequest): object {
  return parameterJson(namedParameter(request));
}

async function putParameter(request: ApiRequest): Promise<Reply> {
  const { component, name } = request.parameters;
  if (POLICIES.has(component) || OWN_COMPONENTS.has(component)) {
    throw badRequest(`component ${component} is not for runtime parameters`);
  }
  const vhost = vhostOf(request);
  const body = await request.json();
  requireKeys(body, ['value']);
  const isNew = findParameter(request.broker, vhost, component, name) === undefined;
  const value = jsonValue(body['value']);
  assertParameter(component, name, value);
  await setParameter(request.broker, { vhost, component, name, value });
  return isNew ? CREATED : NO_CONTENT;
}

async function deleteParameter(request: ApiRequest): Promise<Reply> {
  const { vhost, component, name } = namedParameter(request);
  const parameter = { vhost, component, name };
  await recordFact(request.broker, { kind: 'parameter-deleted', parameter });
  return NO_CONTENT;
}

function namedParameter(request: ApiRequest): Parameter {
  const { component, name } = request.parameters;
  const found = findParameter(request.broker, vhostOf(request), component, name);
  if (found === undefined || OWN_COMPONENTS.has(component) || POLICIES.has(component)) {
    throw notFound();
  }
  return found;
}

function parameterJson({ vhost, component, name, value }: Parameter): object {
  return { value, vhost, component, name };
}

function listGlobal({ broker }: ApiRequest): object {
  return new JsonList(globalParameters(broker), (item) => item);
}

function getGlobal({ broker, parameters }: ApiRequest): object {
  const found = globalParameters(broker).find(({ name }) => name === parameters['name']);
  if (found === undefined) throw notFound();
  return found;
}

async function putGlobal(request: ApiRequest): Promise<Reply> {
  const { name } = request.parameters;
  const body = await request.json();
  requireKeys(body, ['value']);
  const isNew = globalParameters(request.broker).every((known) => known.name !== name);
  await setGlobal(request.broker, name, jsonValue(body['value']));
  return isNew ? CREATED : NO_CONTENT;
}

async function deleteGlobal(request: ApiRequest): Promise<Reply> {
  getGlobal(request);
  const parameter = { ...GLOBAL, name: request.parameters['name'] };
  await recordFact(request.broker, { kind: 'parameter-deleted', parameter });
  return NO_CONTENT;
}

/** A global parameter, as in RabbitMQ; at first it is what the configuration says. */
export function clusterName(broker: BrokerView): string {
  const set = globalParameters(broker).find(({ name }) => name === 'cluster_name');
  return typeof set?.value === 'string' ? set.value : broker.source.config.clusterName;
}

function getClusterName({ broker }: ApiRequest): object {
  return { name: clusterName(broker) };
}

async function putClusterName(request: ApiRequest): Promise<Reply> {
  const body = await request.json();
  requireKeys(body, ['name']);
  if (typeof body['name'] !== 'string') throw badRequest('name should be a string');
  await setGlobal(request.broker, 'cluster_name', body['name']);
  return NO_CONTENT;
}

export const parameterRoutes = [
  resource('/api/parameters', 'policymaker', { GET: listParameters }),
  resource('/api/parameters/:component', 'policymaker', { GET: listParameters }),
  resource('/api/parameters/:component/:vhost', 'policymaker', { GET: listParameters }),
  resource('/api/parameters/:component/:vhost/:name', 'policymaker', {
    GET: getParameter,
    PUT: putParameter,
    DELETE: deleteParameter,
  }),
  resource('/api/global-parameters', 'policymaker', { GET: listGlobal }),
  resource('/api/global-parameters/:name', 'policymaker', {
    GET: getGlobal,
    PUT: putGlobal,
    DELETE: deleteGlobal,
  }),
  resource(
    '/api/cluster-name',
    'management',
    { GET: getClusterName, PUT: putClusterName },
    { PUT: 'administrator' },
  ),
];
