// POST /api/definitions: makes everything in exported definitions that is not there yet, in an
// order in which each finds what it needs. Main thread. Users, permissions, parameters and policies
// are set anew; queues and exchanges that exist stay as they are, as in RabbitMQ
// (rabbit_definitions). Everything of one kind goes to the control plane at once, which makes one
// sync of it. When something is wrong the import ends there with 400 and what went before stays.
import type { FieldTable } from '../../protocol/field-table.ts';
import type { DestinationKind } from '../../routing/change.ts';
import type { Command } from '../../topology/command.ts';
import type { PolicyKind } from '../../topology/policy/policy.ts';
import type { BrokerView } from '../broker-view.ts';
import { badRequest, HttpRefusal } from '../http-refusal.ts';
import { flagOf, isObject, type JsonObject, requireKeys, tableOf, textOf } from '../json-body.ts';
import { assertParameter } from './parameter-components.ts';
import { jsonValue, setGlobal, setParameter } from './parameters.ts';
import { permissionOf } from './permissions.ts';
import { setPolicy } from './policies.ts';
import { recordFact } from './record-fact.ts';
import { userLimitsOf } from './user-limits.ts';
import { accountOf } from './users.ts';
import { makeVhost } from './vhosts.ts';

type Importer = (item: JsonObject, context: ImportContext) => Promise<void>;

interface ImportContext {
  readonly broker: BrokerView;
  /** The virtual host that everything goes to, where the items do not name theirs. */
  readonly vhost: string | undefined;
}

/** In this order. Those with `inVhost` are all that there is in the definitions of one. */
const SECTIONS: readonly (readonly [name: string, importer: Importer, inVhost: boolean])[] = [
  ['users', importUser, false],
  ['vhosts', importVhost, false],
  ['permissions', importPermission, false],
  ['topic_permissions', importTopicPermission, false],
  ['parameters', importParameter, true],
  ['global_parameters', importGlobal, false],
  ['policies', importPolicy, true],
  ['exchanges', importExchange, true],
  ['queues', importQueue, true],
  ['bindings', importBinding, true],
];

export async function importDefinitions(
  broker: BrokerView,
  definitions: JsonObject,
  vhost?: string,
): Promise<void> {
  const context = { broker, vhost };
  for (const [section, importer, inVhost] of SECTIONS) {
    if (vhost !== undefined && !inVhost) continue;
    const items = definitions[section] ?? [];
    if (!Array.isArray(items)) throw badRequest(`${section} should be a list`);
    const made: Promise<void>[] = [];
    try {
      for (const item of items) {
        if (!isObject(item)) throw badRequest('an item is no object');
        made.push(importer(item, context));
      }
      await Promise.all(made);
    } catch (error) {
      await Promise.allSettled(made);
      throw inSection(section, error);
    }
  }
}

/** Says where in the file it was. */
function inSection(section: string, error: unknown): unknown {
  if (!(error instanceof HttpRefusal)) return error;
  const { reason } = error.body as { reason?: unknown };
  return badRequest(`${section}: ${String(reason)}`);
}

async function importUser(item: JsonObject, { broker }: ImportContext): Promise<void> {
  const account = accountOf(required(item, 'name'), { tags: '', ...item });
  const limits = userLimitsOf(item['limits']);
  const facts = [recordFact(broker, { kind: 'user-set', account })];
  const user = account.name;
  if (limits !== undefined)
    facts.push(recordFact(broker, { kind: 'user-limits-set', user, limits }));
  await Promise.all(facts);
}

async function importVhost(item: JsonObject, { broker }: ImportContext): Promise<void> {
  await makeVhost(broker, required(item, 'name'), item);
}

async function importPermission(item: JsonObject, context: ImportContext): Promise<void> {
  const vhost = vhostIn(item, context);
  const user = userIn(item, context);
  const permission = permissionOf(item);
  await recordFact(context.broker, { kind: 'permission-set', user, vhost, permission });
}

async function importTopicPermission(item: JsonObject, context: ImportContext): Promise<void> {
  const vhost = vhostIn(item, context);
  const user = userIn(item, context);
  const exchange = required(item, 'exchange');
  const permission = { write: textOf(item, 'write', ''), read: textOf(item, 'read', '') };
  const fact = { kind: 'topic-permission-set', user, vhost, exchange, permission } as const;
  await recordFact(context.broker, fact);
}

async function importParameter(item: JsonObject, context: ImportContext): Promise<void> {
  const vhost = vhostIn(item, context);
  requireKeys(item, ['component', 'name', 'value']);
  const [component, name] = [required(item, 'component'), required(item, 'name')];
  const { value } = item;
  if (component === 'policy' || component === 'operator_policy') {
    if (!isObject(value)) throw badRequest('value should be an object');
    await setPolicy(context.broker, vhost, name, component satisfies PolicyKind, value);
    return;
  }
  const kept = jsonValue(value);
  assertParameter(component, name, kept);
  await setParameter(context.broker, { vhost, component, name, value: kept });
}

async function importGlobal(item: JsonObject, { broker }: ImportContext): Promise<void> {
  requireKeys(item, ['name', 'value']);
  await setGlobal(broker, required(item, 'name'), jsonValue(item['value']));
}

async function importPolicy(item: JsonObject, context: ImportContext): Promise<void> {
  const name = required(item, 'name');
  await setPolicy(context.broker, vhostIn(item, context), name, 'policy', item);
}

async function importExchange(item: JsonObject, context: ImportContext): Promise<void> {
  const vhost = vhostIn(item, context);
  const name = required(item, 'name');
  const known = context.broker.source.topology.exchanges(vhost);
  if ([...known].some((exchange) => exchange.name === name)) return;
  await execute(context, {
    kind: 'declare-exchange',
    vhost,
    name,
    type: required(item, 'type'),
    durable: flagOf(item, 'durable', true),
    autoDelete: flagOf(item, 'auto_delete', false),
    internal: flagOf(item, 'internal', false),
    arguments: tableOf(item, 'arguments'),
  });
}

async function importQueue(item: JsonObject, context: ImportContext): Promise<void> {
  const vhost = vhostIn(item, context);
  const name = required(item, 'name');
  await execute(context, {
    kind: 'declare-queue',
    vhost,
    name,
    durable: flagOf(item, 'durable', true),
    exclusive: false,
    autoDelete: flagOf(item, 'auto_delete', false),
    arguments: queueArguments(item),
    connectionId: 0,
  });
}

/** Exports name the type beside the arguments too; the arguments count. */
function queueArguments(item: JsonObject): FieldTable {
  const args = tableOf(item, 'arguments');
  const type = textOf(item, 'type');
  if (type === undefined || type === 'classic' || Object.hasOwn(args, 'x-queue-type')) return args;
  return { ...args, 'x-queue-type': type };
}

async function importBinding(item: JsonObject, context: ImportContext): Promise<void> {
  const source = textOf(item, 'source', '');
  // Every queue has its default binding by itself.
  if (source === '') return;
  await execute(context, {
    kind: 'bind',
    vhost: vhostIn(item, context),
    source,
    destination: required(item, 'destination'),
    destinationKind: destinationKind(item),
    routingKey: textOf(item, 'routing_key', ''),
    arguments: tableOf(item, 'arguments'),
    connectionId: 0,
  });
}

function destinationKind(item: JsonObject): DestinationKind {
  const kind = textOf(item, 'destination_type', 'queue');
  if (kind === 'queue' || kind === 'exchange') return kind;
  throw badRequest(`destination_type is queue or exchange, got '${kind}'`);
}

async function execute({ broker }: ImportContext, command: Command): Promise<void> {
  const { refusal } = await broker.source.control.execute(command);
  if (refusal === undefined) return;
  // What exists with other properties stays as it is, as in RabbitMQ.
  if (command.kind === 'declare-queue') {
    const known = [...broker.source.topology.queues(command.vhost)];
    if (known.some(({ name }) => name === command.name)) return;
  }
  throw badRequest(`${refusal.code} ${refusal.text}`);
}

function required(item: JsonObject, key: string): string {
  requireKeys(item, [key]);
  return textOf(item, key, '');
}

function vhostIn(item: JsonObject, { vhost: common, broker }: ImportContext): string {
  const vhost = common ?? required(item, 'vhost');
  if (!broker.source.topology.hasVhost(vhost)) throw badRequest(`no such vhost: ${vhost}`);
  return vhost;
}

function userIn(item: JsonObject, { broker }: ImportContext): string {
  const user = required(item, 'user');
  if (broker.source.users.find(user) === undefined) throw badRequest(`no such user: ${user}`);
  return user;
}
