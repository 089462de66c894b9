// Password hashes, against the worked example in RabbitMQ's documentation ("Passwords").
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from '../../../src/auth/password.ts';

const DOCUMENTED_HASH = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR';
const DOCUMENTED_SALT = Buffer.from('908DC60A', 'hex');

describe('hashPassword', () => {
  it('gives the documented hash', () => {
    expect(hashPassword('test12', 'sha256', DOCUMENTED_SALT)).toBe(DOCUMENTED_HASH);
  });

  it('salts each hash anew', () => {
    const hashes = new Set(Array.from({ length: 20 }, () => hashPassword('same')));
    expect(hashes.size).toBeGreaterThan(15);
  });

  it('hashes UTF-8, with SHA-512 too', () => {
    const salt = Buffer.from([1, 2, 3, 4]);
    const expected = createHash('sha512')
      .update(Buffer.from('\x01\x02\x03\x04pä', 'utf8'))
      .digest();
    expect(hashPassword('pä', 'sha512', salt)).toBe(
      Buffer.concat([salt, expected]).toString('base64'),
    );
  });
});

describe('verifyPassword', () => {
  it.each(['sha256', 'sha512'] as const)('takes the right password only (%s)', (algorithm) => {
    const hash = hashPassword('right ü', algorithm);
    expect(verifyPassword('right ü', hash, algorithm)).toBe(true);
    expect(verifyPassword(Buffer.from('right ü'), hash, algorithm)).toBe(true);
    expect(verifyPassword('right', hash, algorithm)).toBe(false);
    expect(verifyPassword('', hash, algorithm)).toBe(false);
  });

  it.each([
    ['an empty hash', ''],
    ['a hash cut short', DOCUMENTED_HASH.slice(0, -4)],
    ['no base64', '!!!'],
    ['a hash of the other algorithm', hashPassword('test12', 'sha512')],
  ])('takes nothing for %s', (_, hash) => {
    expect(verifyPassword('test12', hash, 'sha256')).toBe(false);
    expect(verifyPassword('', hash, 'sha256')).toBe(false);
  });
});
