// Ordered lists of names: auth_mechanisms and auth_backends.
import { describe, expect, it } from 'vitest';
import { printConfig } from '../../../src/config/print-config.ts';
import { load } from './load.ts';

const mechanisms = (file: string, ...set: string[]) =>
  load({ file, args: { set } }).config.authMechanisms;

describe('a list of names', () => {
  it('is in the order of its numbers, each name once', () => {
    const file =
      'auth_mechanisms.10 = PLAIN\nauth_mechanisms.2 = AMQPLAIN\nauth_mechanisms.11 = PLAIN';
    expect(mechanisms(file)).toEqual(['AMQPLAIN', 'PLAIN']);
    expect(load({ file }).sources.get('auth_mechanisms')).toBe('w.conf:1');
  });

  it('is one value with commas as well', () => {
    expect(mechanisms('auth_mechanisms = PLAIN, EXTERNAL')).toEqual(['PLAIN', 'EXTERNAL']);
  });

  it('of a higher layer replaces that of a lower one', () => {
    const file = 'auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = AMQPLAIN';
    expect(mechanisms(file, 'auth_mechanisms.1=ANONYMOUS')).toEqual(['ANONYMOUS']);
  });

  it('is the same when what is printed is loaded again', () => {
    const file = 'auth_mechanisms.1 = AMQPLAIN\nauth_mechanisms.2 = PLAIN\nauth_backends.1 = ldap';
    const { config } = load({ file: printConfig(load({ file })) });
    expect([config.authMechanisms, config.authBackends]).toEqual([['AMQPLAIN', 'PLAIN'], ['ldap']]);
  });

  it("takes RabbitMQ's module name for the internal backend", () => {
    const { config } = load({ file: 'auth_backends.1 = rabbit_auth_backend_internal' });
    expect(config.authBackends).toEqual(['internal']);
  });

  it.each([
    ['auth_mechanisms.1 = plain', 'auth_mechanisms.1 must be one of PLAIN, AMQPLAIN'],
    ['auth_mechanisms = PLAIN,', 'auth_mechanisms must be one of PLAIN'],
    ['auth_backends.1.authn = ldap', 'must be given by a key that ends in a number'],
  ])('refuses %s', (file, problem) => {
    expect(() => load({ file })).toThrow(problem);
  });
});

it('a frame_max below the floor is a problem', () => {
  expect(() => load({ file: 'frame_max = 4096\ncompat.frame_max_floor = 8192' })).toThrow(
    'frame_max must be at least compat.frame_max_floor (8192), found 4096',
  );
});

it.each(['yes', '1', ''])("a switch is true or false, not '%s'", (value) => {
  const file = `deprecated_features.permit.global_qos = ${value}`;
  expect(() => load({ file })).toThrow();
});
