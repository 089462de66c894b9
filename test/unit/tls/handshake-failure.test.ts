// What a failed handshake is told as: OpenSSL's codes of before and after 3.5 mean the same, and
// what nobody foresaw is told in OpenSSL's own words.
import { expect, it } from 'vitest';
import { tlsFailure } from '../../../src/tls/handshake-failure.ts';

it.each([
  ['BAD_CERTIFICATE', 'does not trust'],
  ['CERTIFICATE_UNKNOWN', 'does not trust'],
  ['CERTIFICATE_EXPIRED', 'has expired'],
])('knows the alert %s by both its names', (alert, reason) => {
  const older = tlsFailure(`ERR_SSL_SSLV3_ALERT_${alert}`, 'raw');
  const newer = tlsFailure(`ERR_SSL_SSL/TLS_ALERT_${alert}`, 'raw');
  expect(older.reason).toContain(reason);
  expect(newer.reason).toBe(older.reason);
  // The code stays what was received: it is what people search for.
  expect(newer.code).toBe(`ERR_SSL_SSL/TLS_ALERT_${alert}`);
});

it('tells an error that it does not know in its own words', () => {
  expect(tlsFailure('ERR_SSL_X', 'x went wrong')).toEqual({
    code: 'ERR_SSL_X',
    reason: 'x went wrong',
  });
});
