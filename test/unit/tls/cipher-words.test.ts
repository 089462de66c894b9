// Cipher suites in RabbitMQ's words, which are Erlang's.
import { expect, it } from 'vitest';
import { cipherWords, protocolWord } from '../../../src/tls/cipher-words.ts';

it.each([
  ['TLS_AES_256_GCM_SHA384', 'any', 'aes_256_gcm', 'aead'],
  ['TLS_CHACHA20_POLY1305_SHA256', 'any', 'chacha20_poly1305', 'aead'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ecdhe_rsa', 'aes_128_gcm', 'aead'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384', 'ecdhe_ecdsa', 'aes_256_cbc', 'sha384'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'rsa', 'aes_128_cbc', 'sha'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 'ecdhe_ecdsa', 'aes_128_ccm_8', 'aead'],
])('%s', (name, keyExchange, cipher, hash) => {
  expect(cipherWords(name)).toEqual({ keyExchange, cipher, hash });
});

it('writes versions small', () => {
  expect(protocolWord('TLSv1.3')).toBe('tlsv1.3');
});
