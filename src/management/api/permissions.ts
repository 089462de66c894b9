// /api/permissions: what users may do in virtual hosts. Main thread. Administrators only. Whether a
// pattern is one is for whoever keeps it to say (record-fact.ts).
import type { User } from '../../auth/users.ts';
import { notFound } from '../http-refusal.ts';
import { type JsonObject, requireKeys, textOf } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, CREATED, NO_CONTENT, type Reply, resource } from '../route.ts';
import { byName, vhostOf } from './listing.ts';
import { recordFact } from './record-fact.ts';
import { userOf } from './users.ts';

const PARTS = ['configure', 'write', 'read'] as const;

function listPermissions({ broker }: ApiRequest): JsonList<object> {
  return jsonOf([...broker.source.users.all()].sort(byName).flatMap((user) => permissionsOf(user)));
}

function listOfVhost(request: ApiRequest): JsonList<object> {
  const vhost = vhostOf(request);
  const users = [...request.broker.source.users.all()].sort(byName);
  return jsonOf(users.flatMap((user) => permissionsOf(user, vhost)));
}

function listOfUser(request: ApiRequest): JsonList<object> {
  return jsonOf(permissionsOf(userOf(request)));
}

function getPermission(request: ApiRequest): object {
  const [permission] = permissionsOf(userOf(request), vhostOf(request));
  if (permission === undefined) throw notFound();
  return permission;
}

async function putPermission(request: ApiRequest): Promise<Reply> {
  const [user, vhost] = [userOf(request), vhostOf(request)];
  const permission = permissionOf(await request.json());
  const isNew = !user.permissions.has(vhost);
  const fact = { kind: 'permission-set', user: user.name, vhost, permission } as const;
  await recordFact(request.broker, fact);
  return isNew ? CREATED : NO_CONTENT;
}

async function deletePermission(request: ApiRequest): Promise<Reply> {
  const [user, vhost] = [userOf(request), vhostOf(request)];
  if (!user.permissions.has(vhost)) throw notFound();
  await recordFact(request.broker, { kind: 'permission-deleted', user: user.name, vhost });
  return NO_CONTENT;
}

/** Of all virtual hosts, or of one. */
export function permissionsOf(user: User, only?: string): object[] {
  return [...user.permissions]
    .filter(([vhost]) => only === undefined || vhost === only)
    .map(([vhost, permission]) => ({ user: user.name, vhost, ...permission }));
}

export function permissionOf(body: JsonObject): {
  readonly [part in (typeof PARTS)[number]]: string;
} {
  requireKeys(body, PARTS);
  const [configure, write, read] = PARTS.map((part) => textOf(body, part, ''));
  return { configure, write, read };
}

function jsonOf(items: readonly object[]): JsonList<object> {
  return new JsonList(items, (item) => item);
}

export const permissionRoutes = [
  resource('/api/permissions', 'administrator', { GET: listPermissions }),
  resource('/api/permissions/:vhost/:user', 'administrator', {
    GET: getPermission,
    PUT: putPermission,
    DELETE: deletePermission,
  }),
  resource('/api/users/:user/permissions', 'administrator', { GET: listOfUser }),
  resource('/api/vhosts/:vhost/permissions', 'administrator', { GET: listOfVhost }),
];
