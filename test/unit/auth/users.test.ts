// Logging in: one refusal for every reason, so that it tells nothing about who exists.
import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/auth/password.ts';
import { accessOf, defaultUser, type User, Users } from '../../../src/auth/users.ts';

const user = (name: string, passwordHash: string): User => ({
  name,
  passwordHash,
  hashingAlgorithm: 'sha256',
  tags: [],
  permissions: new Map(),
});

function users(): Users {
  const all = new Users();
  all.add(defaultUser('guest', 'secret', '/'));
  all.add({ ...user('strong', hashPassword('p', 'sha512')), hashingAlgorithm: 'sha512' });
  all.add(user('barred', ''));
  all.add(user('blank', hashPassword('')));
  return all;
}

describe('authenticate', () => {
  it.each([
    ['guest', 'secret'],
    ['guest', Buffer.from('secret')],
    ['strong', 'p'],
  ])('lets %s in', (name, password) => {
    expect(users().authenticate('PLAIN', name, password)).toBe('ok');
  });

  it.each([
    ['a wrong password', 'guest', 'Secret'],
    ['no password', 'guest', ''],
    ['an unknown user', 'nobody', 'secret'],
    ['an unknown user without password', 'nobody', ''],
    ['a name from Object.prototype', 'constructor', 'secret'],
    ['a user without a hash', 'barred', ''],
    ['a blank password that matches', 'blank', ''],
  ])('refuses %s', (_, name, password) => {
    expect(users().authenticate('AMQPLAIN', name, password)).toEqual({
      id: 'auth.login-refused',
      code: 403,
      scope: 'connection',
      text:
        'ACCESS_REFUSED - Login was refused using authentication mechanism AMQPLAIN. For details ' +
        'see the broker logfile. (Check user name and password; users in loopback_users connect ' +
        'from localhost only.)',
    });
  });

  it('takes the new password of a user who is added again', () => {
    const all = users();
    all.add(defaultUser('guest', 'changed', '/'));
    expect(all.authenticate('PLAIN', 'guest', 'changed')).toBe('ok');
    expect(all.authenticate('PLAIN', 'guest', 'secret')).not.toBe('ok');
  });
});

describe('the default user', () => {
  it('has every right, in the default vhost only', () => {
    const guest = users().find('guest')!;
    expect(guest.tags).toEqual(['administrator']);
    expect(guest.permissions.get('/')).toEqual({ configure: '.*', write: '.*', read: '.*' });
    expect(accessOf(guest, '/')).toBeDefined();
    expect(accessOf(guest, 'other')).toBeUndefined();
  });

  it('is found by its exact name', () => {
    expect(users().find('Guest')).toBeUndefined();
  });
});
