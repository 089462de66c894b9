// What listings say of a connection's TLS, under RabbitMQ's names and in its words
// (rabbit_reader, rabbit_cert_info). Main thread, pure. Without TLS all but `ssl` is null.
import type { ConnectionInfo } from '../../acceptor/control-messages.ts';

export function tlsJson(tls: ConnectionInfo['tls']): object {
  const peer = tls?.peer;
  return {
    ssl: tls !== undefined,
    ssl_protocol: tls?.protocol ?? null,
    ssl_key_exchange: tls?.keyExchange ?? null,
    ssl_cipher: tls?.cipher ?? null,
    ssl_hash: tls?.hash ?? null,
    peer_cert_subject: peer?.subject ?? null,
    peer_cert_issuer: peer?.issuer ?? null,
    peer_cert_validity: peer === undefined ? null : `${peer.notBefore} - ${peer.notAfter}`,
  };
}
