// Whether the certificate that a client has shown is good. Main and acceptor threads, once per
// connection, after its handshake: where a certificate is asked for and not demanded, OpenSSL lets
// a bad one pass like none, and RabbitMQ does not.
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { pemCertificates, type TlsMaterial } from './tls-material.ts';

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
