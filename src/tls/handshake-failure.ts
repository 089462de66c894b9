// Why a TLS handshake has come to nothing, in words that help: what OpenSSL calls it, what that
// means most often, and what to do. Any thread, pure. docs/tls.md explains the same errors.

export interface TlsFailure {
  /** OpenSSL's or Node's code. */
  readonly code: string;
  readonly reason: string;
}

const NOT_TLS = 'the client does not speak TLS: use amqps:// or the port without TLS';
const CLIENT_DISTRUSTS =
  "the client does not trust the broker's certificate: give it the authority's certificate, and " +
  'connect by a name that the certificate has';
const CLIENT_UNKNOWN =
  "the client's certificate is not signed by an authority in ssl_options.cacertfile";
const NO_CERTIFICATE =
  'the client has shown no certificate, and ssl_options.fail_if_no_peer_cert demands one';
const VERSIONS =
  'no TLS version in common: update the client (ssl_options.versions says what is offered)';

const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_RECORD_LENGTH_MISMATCH: NOT_TLS,
  ERR_SSL_HTTP_REQUEST: 'the client speaks HTTP: the management API has a port of its own',
  ERR_SSL_UNSUPPORTED_PROTOCOL: VERSIONS,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: VERSIONS,
  ERR_SSL_NO_SHARED_CIPHER:
    'no cipher suite in common: look at ssl_options.ciphers, and whether they fit the kind of key',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: CLIENT_DISTRUSTS,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: CLIENT_DISTRUSTS,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: CLIENT_DISTRUSTS,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "for the client the broker's certificate has expired: renew it, or look at the clocks",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: NO_CERTIFICATE,
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the client was too slow (ssl_handshake_timeout, handshake_timeout)',
  ECONNRESET: 'the client has closed the connection during the handshake',
  // What OpenSSL has against the certificate of the client.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CLIENT_UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT: CLIENT_UNKNOWN,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CLIENT_UNKNOWN,
  SELF_SIGNED_CERT_IN_CHAIN: CLIENT_UNKNOWN,
  DEPTH_ZERO_SELF_SIGNED_CERT: CLIENT_UNKNOWN,
  CERT_HAS_EXPIRED: "the client's certificate has expired",
  CERT_NOT_YET_VALID: "the client's certificate is not valid yet: look at the clocks",
  CERT_CHAIN_TOO_LONG:
    "with ssl_options.depth = 0 the client's certificate has to be signed by an authority in " +
    'ssl_options.cacertfile itself',
  INVALID_PURPOSE: "the client's certificate is not meant for clients (extendedKeyUsage)",
};

/** `code`: why the client's certificate was refused, or of the error. */
export function tlsFailure(code: string, message: string): TlsFailure {
  // OpenSSL has renamed the alerts of SSL 3 in 3.5.
  const known = code.replace('_SSL/TLS_ALERT_', '_SSLV3_ALERT_');
  return { code, reason: REASONS[known] ?? message };
}
