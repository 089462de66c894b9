// What is known of a client that has connected by TLS: how the connection is protected, and who it
// is by its certificate. Acceptor thread; once per connection, after its handshake.
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Certificate, readCertificate } from '../tls/certificate.ts';
import { cipherWords, protocolWord } from '../tls/cipher-words.ts';
import { loginName } from '../tls/login-name.ts';
import { pemCertificates, type TlsMaterial } from '../tls/tls-material.ts';

/** For listings, in RabbitMQ's words. */
export interface TlsFacts {
  readonly protocol: string;
  readonly keyExchange: string;
  readonly cipher: string;
  readonly hash: string;
  /** The client's certificate; undefined: it has shown none. */
  readonly peer: Pick<Certificate, 'subject' | 'issuer' | 'notBefore' | 'notAfter'> | undefined;
}

export interface TlsPeer {
  readonly facts: TlsFacts;
  /** As whom EXTERNAL logs it in; undefined: there is no certificate, or no such name in it. */
  readonly loginName: string | undefined;
}

/** The authorities that have to have signed the certificates of clients; undefined: any may. */
export function directIssuers(material: TlsMaterial): readonly X509Certificate[] | undefined {
  if (!material.isDirect || material.authorities === undefined) return undefined;
  return pemCertificates(material.authorities).map((pem) => new X509Certificate(pem));
}

/**
 * Why the certificate that a client was asked for is no good: OpenSSL's code; undefined: it is, or
 * it was not shown. Node does not tell a server how long the chain is that OpenSSL has found, so
 * ssl_options.depth is either nothing at all or no limit.
 */
export function refusedCertificate(
  socket: TLSSocket,
  issuers: readonly X509Certificate[] | undefined,
): string | undefined {
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  if (!socket.authorized) return String(socket.authorizationError);
  const isNear = issuers === undefined || issuers.some((issuer) => shown.checkIssued(issuer));
  return isNear ? undefined : 'CERT_CHAIN_TOO_LONG';
}

/** A certificate that was shown has been found good. */
export function tlsPeerOf(socket: TLSSocket, from: Parameters<typeof loginName>[1]): TlsPeer {
  const { keyExchange, cipher, hash } = cipherWords(socket.getCipher().standardName);
  const shown = socket.getPeerX509Certificate();
  const certificate = shown === undefined ? undefined : readCertificate(shown.raw);
  const protocol = protocolWord(socket.getProtocol());
  return {
    facts: { protocol, keyExchange, cipher, hash, peer: certificate && peerFacts(certificate) },
    loginName: certificate && loginName(certificate, from),
  };
}

function peerFacts({ subject, issuer, notBefore, notAfter }: Certificate): TlsFacts['peer'] {
  return { subject, issuer, notBefore, notAfter };
}
