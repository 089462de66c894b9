// What a connection knows of its client by TLS, from a socket made up for it.
import type { TLSSocket } from 'node:tls';
import { expect, it } from 'vitest';
import { tlsPeerOf } from '../../../src/acceptor/tls-peer.ts';

const FROM = {
  sslCertLoginFrom: 'distinguished_name',
  sslCertLoginSanType: 'dns',
  sslCertLoginSanIndex: 0,
} as const;

function socket(raw: Buffer | undefined): TLSSocket {
  return {
    getCipher: () => ({ standardName: 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384' }),
    getProtocol: () => 'TLSv1.2',
    getPeerX509Certificate: () => (raw === undefined ? undefined : { raw }),
  } as unknown as TLSSocket;
}

const FACTS = {
  protocol: 'tlsv1.2',
  keyExchange: 'ecdhe_rsa',
  cipher: 'aes_256_gcm',
  hash: 'aead',
};

it('is what protects it, where no certificate was shown', () => {
  expect(tlsPeerOf(socket(undefined), FROM)).toEqual({
    facts: { ...FACTS, peer: undefined },
    loginName: undefined,
  });
});

it.each(['', '30', '3003020101', '30053003020101'])(
  'is nobody, and no failure, where a certificate makes no sense: %s',
  (hex) => {
    expect(tlsPeerOf(socket(Buffer.from(hex, 'hex')), FROM)).toEqual({
      facts: { ...FACTS, peer: undefined },
      loginName: undefined,
    });
  },
);
