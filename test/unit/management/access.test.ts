// What each kind of user may see: refusals in RabbitMQ's words, and filtered listings.
import { describe, expect, it } from 'vitest';
import {
  type Access,
  accessibleVhosts,
  assertAccess,
  visibleVhosts,
} from '../../../src/management/access.ts';
import { identityOf } from '../../../src/auth/backend.ts';
import { FakeBroker } from './fixture.ts';

const { users, topology } = new FakeBroker();
const identity = (username: string) => identityOf(users, { username, tags: [] });

function refusalOf(name: string, access: Access, vhost?: string): string | undefined {
  try {
    assertAccess(identity(name), access, vhost, topology);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const reason = (text: string) => `401 {"error":"not_authorised","reason":"${text}"}`;
const NO_VHOST = reason('User not authorised to access virtual host');

const NO_POLICIES = reason('User not authorised to access object');
users.add({ ...users.find('manager')!, name: 'maker', tags: ['policymaker'] });

describe('assertAccess', () => {
  it.each([
    'management',
    'monitor',
    'vhost',
    'visible-vhost',
    'policymaker',
    'administrator',
    'loopback-or-monitor',
  ] as const)('refuses users without a tag, and lets administrators do %s', (access) => {
    expect(refusalOf('nobody', access, '/')).toBe(reason('Not management user'));
    expect(refusalOf('guest', access, 'other')).toBeUndefined();
  });

  it.each([
    ['manager', 'management', undefined, undefined],
    ['manager', 'monitor', undefined, reason('Not monitor user')],
    ['manager', 'loopback-or-monitor', undefined, reason('Not monitor user')],
    ['manager', 'vhost', undefined, undefined],
    ['manager', 'vhost', '/', undefined],
    ['manager', 'vhost', 'other', NO_VHOST],
    ['manager', 'vhost', 'missing', undefined],
    ['manager', 'visible-vhost', 'other', NO_VHOST],
    ['monitor', 'monitor', undefined, undefined],
    ['monitor', 'loopback-or-monitor', undefined, undefined],
    ['monitor', 'vhost', 'other', NO_VHOST],
    ['monitor', 'visible-vhost', 'other', undefined],
    ['manager', 'administrator', undefined, reason('Not administrator user')],
    ['monitor', 'administrator', '/', reason('Not administrator user')],
    ['monitor', 'policymaker', '/', NO_POLICIES],
    ['maker', 'policymaker', undefined, undefined],
    ['maker', 'policymaker', '/', undefined],
    ['maker', 'policymaker', 'other', NO_POLICIES],
    ['maker', 'administrator', undefined, reason('Not administrator user')],
  ] as const)('of %s to %s in %s', (name, access, vhost, refusal) => {
    expect(refusalOf(name, access, vhost)).toBe(refusal);
  });
});

it.each([
  ['guest', ['/', 'other'], ['/', 'other']],
  ['monitor', [], ['/', 'other']],
  ['manager', ['/'], ['/']],
])('%s may look into some virtual hosts and know of others', (name, accessible, visible) => {
  const user = identity(name);
  expect(accessibleVhosts(user, topology)).toEqual(accessible);
  expect(visibleVhosts(user, topology)).toEqual(visible);
});
