// The three words that RabbitMQ's listings have for a cipher suite (ssl_key_exchange, ssl_cipher,
// ssl_hash): Erlang's. Any thread, pure. Made from the name in the standards, such as
// TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384.

export interface CipherWords {
  readonly keyExchange: string;
  readonly cipher: string;
  readonly hash: string;
}

/** Ciphers that see to it themselves that nothing is changed on the way. */
const AUTHENTICATED = /_(?:gcm|ccm|ccm_8|poly1305)$/u;

export function cipherWords(standardName: string): CipherWords {
  const name = standardName.toLowerCase().replace(/^tls_/u, '');
  const [first, second] = name.split('_with_');
  // TLS 1.3 agrees on a key whatever the suite.
  const keyExchange = second === undefined ? 'any' : first;
  const rest = second ?? first;
  const cut = rest.lastIndexOf('_');
  // Without a hash at its end it is one such as AES_128_CCM_8.
  const hasHash = /^(?:sha\d*|md5)$/u.test(rest.slice(cut + 1));
  const cipher = hasHash ? rest.slice(0, cut) : rest;
  const hash = AUTHENTICATED.test(cipher) ? 'aead' : rest.slice(cut + 1);
  return { keyExchange, cipher, hash };
}

/** `TLSv1.3` as Erlang writes it. */
export function protocolWord(protocol: string | null): string {
  return (protocol ?? 'unknown').toLowerCase();
}
