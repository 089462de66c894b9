// loopback_users: who may log in from where.
import { describe, expect, it } from 'vitest';
import { isLoopback, mayConnectFrom } from '../../../src/auth/loopback.ts';

describe('isLoopback', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.255.3.4', true],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:7f00:1', true],
    ['::ffff:10.0.0.1', false],
    ['10.0.0.1', false],
    ['128.0.0.1', false],
    ['192.168.1.1', false],
    ['::2', false],
    ['fe80::1', false],
    ['2001:db8::127.0.0.1', false],
    ['localhost', false],
    ['127.0.0.1.example', false],
    ['', false],
  ])('%s: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});

describe('mayConnectFrom', () => {
  it.each([
    ['guest', '127.0.0.1', ['guest'], true],
    ['guest', '10.0.0.1', ['guest'], false],
    ['guest', '10.0.0.1', [], true],
    ['other', '10.0.0.1', ['guest'], true],
    ['admin', '::ffff:10.0.0.1', ['guest', 'admin'], false],
  ])('%s from %s with %j: %s', (username, address, loopbackUsers, expected) => {
    expect(mayConnectFrom(username, address, loopbackUsers)).toBe(expected);
  });
});
