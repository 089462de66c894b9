// /api/user-limits: how many connections and channels a user may have. Main thread. Only
// administrators set them. A user without limits is not listed.
import type { User, UserLimits } from '../../auth/users.ts';
import { badRequest, notFound } from '../http-refusal.ts';
import { integerOf, type Json, type JsonObject, requireKeys } from '../json-body.ts';
import { type ApiRequest, NO_CONTENT, type Reply, resource } from '../route.ts';
import { byName } from './listing.ts';
import { recordFact } from './record-fact.ts';
import { userOf } from './users.ts';

const NAMES = ['max-connections', 'max-channels'] as const;
type LimitName = (typeof NAMES)[number];

function listLimits({ broker }: ApiRequest): object[] {
  return [...broker.source.users.all()].sort(byName).flatMap(limitsJson);
}

function limitsOfUser(request: ApiRequest): object[] {
  return limitsJson(userOf(request));
}

function limitsJson({ name, limits }: User): object[] {
  if (limits === undefined || Object.keys(limits).length === 0) return [];
  return [{ user: name, value: limits }];
}

async function putLimit(request: ApiRequest): Promise<Reply> {
  const user = userOf(request);
  const name = limitName(request);
  const body = await request.json();
  requireKeys(body, ['value']);
  const limits = { ...user.limits, [name]: limitIn(body, 'value') };
  await recordFact(request.broker, { kind: 'user-limits-set', user: user.name, limits });
  return NO_CONTENT;
}

async function deleteLimit(request: ApiRequest): Promise<Reply> {
  const user = userOf(request);
  const { [limitName(request)]: _gone, ...limits } = user.limits ?? {};
  await recordFact(request.broker, { kind: 'user-limits-set', user: user.name, limits });
  return NO_CONTENT;
}

function limitName({ parameters }: ApiRequest): LimitName {
  const name = NAMES.find((known) => known === parameters['name']);
  if (name === undefined) throw notFound();
  return name;
}

export function limitIn(body: JsonObject, key: string): number {
  const value = integerOf(body, key);
  if (value === undefined) throw badRequest(`${key} should be an integer`);
  return value;
}

/** The limits in a user of exported definitions, if there are any. */
export function userLimitsOf(value: Json | undefined): UserLimits | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const limits = value as JsonObject;
  const known = NAMES.filter((name) => Object.hasOwn(limits, name));
  if (known.length === 0) return undefined;
  return Object.fromEntries(known.map((name) => [name, limitIn(limits, name)]));
}

export const userLimitRoutes = [
  resource('/api/user-limits', 'management', { GET: listLimits }),
  resource('/api/user-limits/:user', 'management', { GET: limitsOfUser }),
  resource('/api/user-limits/:user/:name', 'administrator', {
    PUT: putLimit,
    DELETE: deleteLimit,
  }),
];
