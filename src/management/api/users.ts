// /api/users: the users of the broker, and what is said of one in one go: password and tags. Main
// thread. Administrators only. Bodies are RabbitMQ's (rabbit_mgmt_wm_user, rabbit_auth_backend_
// internal:put_user): `tags` has to be there; `password`, or `password_hash` with
// `hashing_algorithm`; with neither nobody can log in with a password.
import { type HashingAlgorithm, hashPassword } from '../../auth/password.ts';
import type { Account, User } from '../../auth/users.ts';
import { badRequest, notFound } from '../http-refusal.ts';
import { type Json, type JsonObject, textOf } from '../json-body.ts';
import { JsonList } from '../json-list.ts';
import { type ApiRequest, CREATED, NO_CONTENT, type Reply, resource } from '../route.ts';
import { byName } from './listing.ts';
import { recordFact } from './record-fact.ts';

const ALGORITHMS: Readonly<Record<string, HashingAlgorithm>> = {
  rabbit_password_hashing_sha256: 'sha256',
  rabbit_password_hashing_sha512: 'sha512',
};

function listUsers({ broker }: ApiRequest): JsonList<User> {
  return new JsonList([...broker.source.users.all()].sort(byName), userJson);
}

function listWithoutPermissions({ broker }: ApiRequest): JsonList<User> {
  const users = [...broker.source.users.all()].filter(({ permissions }) => permissions.size === 0);
  return new JsonList(users.sort(byName), userJson);
}

function getUser(request: ApiRequest): object {
  return userJson(userOf(request));
}

async function putUser(request: ApiRequest): Promise<Reply> {
  const { users } = request.broker.source;
  const name = request.parameters['user'];
  const account = accountOf(name, await request.json());
  const isNew = users.find(name) === undefined;
  await recordFact(request.broker, { kind: 'user-set', account });
  return isNew ? CREATED : NO_CONTENT;
}

async function deleteUser(request: ApiRequest): Promise<Reply> {
  await recordFact(request.broker, { kind: 'user-deleted', user: userOf(request).name });
  return NO_CONTENT;
}

async function deleteUsers(request: ApiRequest): Promise<Reply> {
  const { users: names } = await request.json();
  if (!Array.isArray(names)) throw badRequest('[{key_missing,users}]');
  const { users } = request.broker.source;
  for (const name of names) {
    if (typeof name !== 'string' || users.find(name) === undefined) continue;
    await recordFact(request.broker, { kind: 'user-deleted', user: name });
  }
  return NO_CONTENT;
}

/** The user that the path names. */
export function userOf({ parameters, broker }: ApiRequest): User {
  const user = broker.source.users.find(parameters['user']);
  if (user === undefined) throw notFound();
  return user;
}

export function userJson(user: User): object {
  return {
    name: user.name,
    password_hash: user.passwordHash,
    hashing_algorithm: `rabbit_password_hashing_${user.hashingAlgorithm}`,
    tags: user.tags,
    limits: user.limits ?? {},
  };
}

/** What a body, or a user of exported definitions, says. */
export function accountOf(name: string, body: JsonObject): Account {
  if (!Object.hasOwn(body, 'tags')) throw badRequest('tags_not_present');
  const tags = tagsOf(body['tags']);
  const password = textOf(body, 'password');
  const hash = textOf(body, 'password_hash');
  if (password !== undefined && hash === undefined) {
    return { name, passwordHash: hashPassword(password), hashingAlgorithm: 'sha256', tags };
  }
  const module = textOf(body, 'hashing_algorithm', 'rabbit_password_hashing_sha256');
  const hashingAlgorithm = Object.hasOwn(ALGORITHMS, module) ? ALGORITHMS[module] : undefined;
  if (hashingAlgorithm === undefined) {
    const known = Object.keys(ALGORITHMS).join(', ');
    throw badRequest(`hashing_algorithm ${module} is not one of ${known}`);
  }
  if (hash !== undefined && Buffer.from(hash, 'base64').toString('base64') !== hash) {
    throw badRequest('password_hash is not base64 of salt and hash');
  }
  return { name, passwordHash: hash ?? '', hashingAlgorithm, tags };
}

/** A list, or text with commas. */
export function tagsOf(value: Json): string[] {
  const tags = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string')) {
    throw badRequest('tags should be a list of strings, or a string with commas');
  }
  const named = (tags as string[]).map((tag) => tag.trim()).filter((tag) => tag !== '');
  return [...new Set(named)];
}

export const userRoutes = [
  resource('/api/users', 'administrator', { GET: listUsers }),
  resource('/api/users/bulk-delete', 'administrator', { POST: deleteUsers }),
  resource('/api/users/without-permissions', 'administrator', { GET: listWithoutPermissions }),
  resource('/api/users/:user', 'administrator', {
    GET: getUser,
    PUT: putUser,
    DELETE: deleteUser,
  }),
];
