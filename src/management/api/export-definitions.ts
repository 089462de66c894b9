// GET /api/definitions: users, virtual hosts, permissions, parameters, policies and topology as one
// JSON file, for another broker or for keeping (https://www.rabbitmq.com/docs/definitions). Main
// thread. The form is RabbitMQ's: operator policies and limits of virtual hosts are parameters.
// Left out are exclusive queues, what every virtual host has by itself (the default exchange,
// amq.*, default bindings) and bindings to what is left out. Internal exchanges, which RabbitMQ
// leaves out, are there: without them an import would lack some bindings.
import type { BindingSpec, QueueSpec } from '../../routing/change.ts';
import type { Parameter } from '../../supervisor/facts/fact.ts';
import { queueTypeOf } from '../../topology/queue-arguments.ts';
import type { BrokerView } from '../broker-view.ts';
import type { ApiRequest } from '../route.ts';
import { tableJson } from '../table-json.ts';
import { byName, compareText, vhostOf } from './listing.ts';
import { clusterName, globalParameters, parametersOf } from './parameters.ts';
import { permissionsOf } from './permissions.ts';
import { policiesOf, policyJson } from './policies.ts';
import { bindingSpecJson, exchangeSpecJson } from './spec-json.ts';
import { topicPermissionsOf } from './topic-permissions.ts';
import { userJson } from './users.ts';
import { vhostDefinition } from './vhosts.ts';

export function exportAll({ broker }: ApiRequest): object {
  const { source } = broker;
  const users = [...source.users.all()].sort(byName);
  const vhosts = [...source.topology.vhosts()].sort();
  return {
    ...header(broker),
    rabbitmq_definition_format: 'cluster',
    original_cluster_name: clusterName(broker),
    explanation: `Definitions of cluster '${clusterName(broker)}'`,
    users: users.map(userJson),
    vhosts: vhosts.map((vhost) => vhostDefinition(vhost, broker)),
    permissions: users.flatMap((user) => permissionsOf(user)),
    topic_permissions: users.flatMap((user) => topicPermissionsOf(user)),
    parameters: exportedParameters(broker),
    global_parameters: globalParameters(broker),
    policies: policiesOf(broker, 'policy').map(policyJson),
    ...topologyOf(broker, vhosts),
  };
}

/** What is in one virtual host, without its name: so that it can go into another. */
export function exportVhost(request: ApiRequest): object {
  const { broker } = request;
  const vhost = vhostOf(request);
  const inside = (item: Parameter): boolean => item.vhost === vhost;
  const { queues, exchanges, bindings } = topologyOf(broker, [vhost]);
  const policies = policiesOf(broker, 'policy').filter(inside).map(policyJson);
  return {
    ...header(broker),
    rabbitmq_definition_format: 'single_virtual_host',
    original_vhost_name: vhost,
    explanation: `Definitions of virtual host '${vhost}'`,
    ...vhostMetadata(vhost, broker),
    parameters: exportedParameters(broker, vhost).map(withoutVhost),
    policies: policies.map(withoutVhost),
    queues: queues.map(withoutVhost),
    exchanges: exchanges.map(withoutVhost),
    bindings: bindings.map(withoutVhost),
  };
}

function header({ source, productVersion }: BrokerView): object {
  return {
    rabbit_version: source.config.compatVersion,
    rabbitmq_version: source.config.compatVersion,
    product_name: 'WarrenMQ',
    product_version: productVersion,
  };
}

function vhostMetadata(vhost: string, broker: BrokerView): object {
  const { metadata } = vhostDefinition(vhost, broker) as { metadata: object };
  return { metadata };
}

/** Of all virtual hosts, or of one. */
function exportedParameters(broker: BrokerView, only?: string): object[] {
  const all = [...parametersOf(broker), ...policiesOf(broker, 'operator_policy')];
  return all
    .filter(({ vhost }) => only === undefined || vhost === only)
    .map(({ vhost, component, name, value }) => ({ value, vhost, component, name }));
}

function topologyOf({ source: { topology } }: BrokerView, vhosts: readonly string[]) {
  return {
    queues: vhosts.flatMap((vhost) => kept(topology.queues(vhost), isKept, queueJson(vhost))),
    exchanges: vhosts.flatMap((vhost) =>
      kept(
        topology.exchanges(vhost),
        ({ name }) => !isPredeclared(name),
        (exchange) => exchangeSpecJson(vhost, exchange),
      ),
    ),
    bindings: vhosts.flatMap((vhost) => {
      const queues = new Set([...topology.queues(vhost)].filter(isKept).map(({ name }) => name));
      return [...topology.bindings(vhost)]
        .filter(({ destinationKind: kind, destination: to }) => kind !== 'queue' || queues.has(to))
        .sort(byEnds)
        .map((binding) => bindingSpecJson(vhost, binding));
    }),
  };
}

function kept<Item extends { readonly name: string }>(
  items: Iterable<Item>,
  isWanted: (item: Item) => boolean,
  format: (item: Item) => object,
): object[] {
  return [...items].filter(isWanted).sort(byName).map(format);
}

function isKept({ exclusiveOwner }: QueueSpec): boolean {
  return exclusiveOwner === 0;
}

function isPredeclared(exchange: string): boolean {
  return exchange === '' || exchange.startsWith('amq.');
}

function byEnds(one: BindingSpec, other: BindingSpec): number {
  return (
    compareText(one.source, other.source) ||
    compareText(one.destinationKind, other.destinationKind) ||
    compareText(one.destination, other.destination) ||
    compareText(one.routingKey, other.routingKey) ||
    compareText(
      JSON.stringify(tableJson(one.arguments)),
      JSON.stringify(tableJson(other.arguments)),
    )
  );
}

function queueJson(vhost: string) {
  return (queue: QueueSpec): object => ({
    name: queue.name,
    vhost,
    durable: queue.durable,
    auto_delete: queue.autoDelete,
    type: queueTypeOf(queue.arguments),
    arguments: tableJson(queue.arguments),
  });
}

function withoutVhost(item: object): object {
  const { vhost: _vhost, ...rest } = item as { vhost?: string };
  return rest;
}
