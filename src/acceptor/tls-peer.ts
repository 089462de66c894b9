// What is known of a client that has connected by TLS: how the connection is protected, and who it
// is by its certificate. Acceptor thread; once per connection, after its handshake.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { type Certificate, readCertificate } from '../tls/certificate.ts';
import { cipherWords, protocolWord } from '../tls/cipher-words.ts';
import { loginName } from '../tls/login-name.ts';

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

/** A certificate that was shown has been found good. */
export function tlsPeerOf(socket: TLSSocket, from: Parameters<typeof loginName>[1]): TlsPeer {
  const { keyExchange, cipher, hash } = cipherWords(socket.getCipher().standardName);
  const shown = socket.getPeerX509Certificate();
  const certificate = shown && legible(shown);
  const protocol = protocolWord(socket.getProtocol());
  return {
    facts: { protocol, keyExchange, cipher, hash, peer: certificate && peerFacts(certificate) },
    loginName: certificate && loginName(certificate, from),
  };
}

/** Undefined: OpenSSL has found it good, but it holds something that we cannot make sense of. */
function legible({ raw }: X509Certificate): Certificate | undefined {
  try {
    return readCertificate(raw);
  } catch {
    return undefined;
  }
}

function peerFacts({ subject, issuer, notBefore, notAfter }: Certificate): TlsFacts['peer'] {
  return { subject, issuer, notBefore, notAfter };
}
