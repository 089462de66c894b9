// /api/policies and /api/operator-policies. Main thread. Policies are set by policymakers, operator
// policies by administrators. What a policy may hold, and the texts about what is wrong with one:
// src/topology/policy.
import type { JsonValue, Parameter } from '../../supervisor/facts/fact.ts';
import type { PolicyKind } from '../../topology/policy/policy.ts';
import { accessibleVhosts } from '../access.ts';
import type { BrokerView } from '../broker-view.ts';
import { badRequest, notFound } from '../http-refusal.ts';
import { type JsonObject, parseJson, requireKeys } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import {
  type ApiRequest,
  CREATED,
  type Handler,
  NO_CONTENT,
  type Reply,
  resource,
  type Route,
} from '../route.ts';
import { vhostOf } from './listing.ts';
import { findParameter, jsonValue } from './parameters.ts';

/** All of them, by virtual host and name. */
export function policiesOf({ source }: BrokerView, kind: PolicyKind): Parameter[] {
  return [...source.control.parameters()].filter(({ component }) => component === kind);
}

function list(kind: PolicyKind): Handler {
  return (request: ApiRequest): JsonList<Parameter> => {
    const { user, broker, parameters } = request;
    const vhosts = new Set(
      parameters['vhost'] === undefined
        ? accessibleVhosts(user, broker.source.topology)
        : [vhostOf(request)],
    );
    const shown = policiesOf(broker, kind).filter(({ vhost }) => vhosts.has(vhost));
    return new JsonList(shown, policyJson);
  };
}

function get(kind: PolicyKind): Handler {
  return (request: ApiRequest): object => {
    const found = findParameter(request.broker, vhostOf(request), kind, request.parameters['name']);
    if (found === undefined) throw notFound();
    return policyJson(found);
  };
}

function put(kind: PolicyKind): Handler {
  return async (request: ApiRequest): Promise<Reply> => {
    const { broker, parameters } = request;
    const vhost = vhostOf(request);
    const isNew = findParameter(broker, vhost, kind, parameters['name']) === undefined;
    const body = await request.json();
    requireKeys(body, ['pattern', 'definition']);
    await setPolicy(broker, vhost, parameters['name'], kind, body);
    return isNew ? CREATED : NO_CONTENT;
  };
}

function remove(kind: PolicyKind): Handler {
  return async (request: ApiRequest): Promise<Reply> => {
    const { parameters, broker } = request;
    const { control } = broker.source;
    const problem = await control.clearPolicy(vhostOf(request), parameters['name'], kind);
    if (problem !== undefined) throw notFound();
    return NO_CONTENT;
  };
}

/** From a body of the API, or a policy of exported definitions. */
export async function setPolicy(
  { source }: BrokerView,
  vhost: string,
  name: string,
  kind: PolicyKind,
  body: JsonObject,
): Promise<void> {
  const members = ['pattern', 'definition', 'priority', 'apply-to'] as const;
  const value: Record<string, JsonValue> = {};
  for (const member of members) {
    // Old exports write the definition as text.
    const isText = member === 'definition' && typeof body[member] === 'string';
    const given = isText ? parseJson(body[member] as string) : body[member];
    if (given !== undefined && given !== null) value[member] = jsonValue(given);
  }
  const problem = await source.control.setPolicy(vhost, name, kind, value);
  if (problem !== undefined) throw badRequest(problem);
}

export function policyJson({ vhost, name, value }: Parameter): object {
  const policy = value as Readonly<Record<string, JsonValue>>;
  return {
    vhost,
    name,
    pattern: policy['pattern'],
    'apply-to': policy['apply-to'] ?? 'all',
    definition: policy['definition'],
    priority: policy['priority'] ?? 0,
  };
}

function routesOf(base: string, kind: PolicyKind): Route[] {
  const setters =
    kind === 'policy' ? {} : ({ PUT: 'administrator', DELETE: 'administrator' } as const);
  const methods = { GET: get(kind), PUT: put(kind), DELETE: remove(kind) };
  return [
    resource(base, 'policymaker', { GET: list(kind) }),
    resource(`${base}/:vhost`, 'policymaker', { GET: list(kind) }),
    resource(`${base}/:vhost/:name`, 'policymaker', methods, setters),
  ];
}

export const policyRoutes = [
  ...routesOf('/api/policies', 'policy'),
  ...routesOf('/api/operator-policies', 'operator_policy'),
];
