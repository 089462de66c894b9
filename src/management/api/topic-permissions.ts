// /api/topic-permissions: which routing keys users may use on topic exchanges. Main thread.
// Administrators only. DELETE without an exchange takes away those of all exchanges.
import type { User } from '../../auth/users.ts';
import { badRequest, notFound } from '../http-refusal.ts';
import { requireKeys, textOf } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, CREATED, NO_CONTENT, type Reply, resource } from '../route.ts';
import { byName, vhostOf } from './listing.ts';
import { recordFact } from './record-fact.ts';
import { userOf } from './users.ts';

function listAll({ broker }: ApiRequest): JsonList<object> {
  const users = [...broker.source.users.all()].sort(byName);
  return jsonOf(users.flatMap((user) => topicPermissionsOf(user)));
}

function listOfVhost(request: ApiRequest): JsonList<object> {
  const vhost = vhostOf(request);
  const users = [...request.broker.source.users.all()].sort(byName);
  return jsonOf(users.flatMap((user) => topicPermissionsOf(user, vhost)));
}

function listOfUser(request: ApiRequest): JsonList<object> {
  return jsonOf(topicPermissionsOf(userOf(request)));
}

function listOfBoth(request: ApiRequest): JsonList<object> {
  const { exchange } = request.parameters;
  const all = topicPermissionsOf(userOf(request), vhostOf(request));
  const found = all.filter((item) => exchange === undefined || item.exchange === exchange);
  if (found.length === 0) throw notFound();
  return jsonOf(found);
}

async function putPermission(request: ApiRequest): Promise<Reply> {
  const [user, vhost] = [userOf(request), vhostOf(request)];
  const body = await request.json();
  requireKeys(body, ['exchange', 'write', 'read']);
  const exchange = textOf(body, 'exchange', '');
  if (exchange === '') throw badRequest('exchange is the name of a topic exchange');
  const permission = { write: textOf(body, 'write', ''), read: textOf(body, 'read', '') };
  const isNew = user.topicPermissions?.get(vhost)?.has(exchange) !== true;
  const fact = { kind: 'topic-permission-set', user: user.name, vhost } as const;
  await recordFact(request.broker, { ...fact, exchange, permission });
  return isNew ? CREATED : NO_CONTENT;
}

async function deletePermission(request: ApiRequest): Promise<Reply> {
  listOfBoth(request);
  const [user, vhost] = [userOf(request), vhostOf(request)];
  const { exchange } = request.parameters;
  const fact = { kind: 'topic-permission-deleted', user: user.name, vhost } as const;
  await recordFact(request.broker, { ...fact, exchange });
  return NO_CONTENT;
}

interface TopicPermissionJson {
  readonly user: string;
  readonly vhost: string;
  readonly exchange: string;
  readonly write: string;
  readonly read: string;
}

/** Of all virtual hosts, or of one. */
export function topicPermissionsOf(user: User, only?: string): TopicPermissionJson[] {
  return [...(user.topicPermissions ?? [])]
    .filter(([vhost]) => only === undefined || vhost === only)
    .flatMap(([vhost, byExchange]) =>
      [...byExchange].map(([exchange, { write, read }]) => ({
        user: user.name,
        vhost,
        exchange,
        write,
        read,
      })),
    );
}

function jsonOf(items: readonly object[]): JsonList<object> {
  return new JsonList(items, (item) => item);
}

const OF_BOTH = '/api/topic-permissions/:vhost/:user';

export const topicPermissionRoutes = [
  resource('/api/topic-permissions', 'administrator', { GET: listAll }),
  resource(OF_BOTH, 'administrator', {
    GET: listOfBoth,
    PUT: putPermission,
    DELETE: deletePermission,
  }),
  resource(`${OF_BOTH}/:exchange`, 'administrator', {
    GET: listOfBoth,
    DELETE: deletePermission,
  }),
  resource('/api/users/:user/topic-permissions', 'administrator', { GET: listOfUser }),
  resource('/api/vhosts/:vhost/topic-permissions', 'administrator', { GET: listOfVhost }),
];
