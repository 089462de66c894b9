// What listeners of one kind need to speak TLS, with the contents of their files: plain data, which
// main reads and hands to acceptors. Any thread.
import { constants } from 'node:crypto';
import type { SecureContextOptions, TlsOptions as ServerOptions } from 'node:tls';

export interface TlsMaterial {
  /** PEM: the broker's certificate, then intermediate ones. */
  readonly certificate: string;
  readonly key: string;
  readonly keyPassword: string | undefined;
  /** PEM: the authorities that vouch for clients. */
  readonly authorities: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names with colons between; undefined: the usual ones. */
  readonly ciphers: string | undefined;
  readonly honorCipherOrder: boolean;
  /** Clients are asked for a certificate. */
  readonly asksClients: boolean;
  readonly refusesClientsWithout: boolean;
  /** A client's certificate has to be signed by one of the authorities itself. */
  readonly isDirect: boolean;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu;

/** The certificates in a PEM file, which may hold other things too. */
export function pemCertificates(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}

/** For whatever makes a secure context of Node's. */
export function contextOptions(material: TlsMaterial): SecureContextOptions {
  const { authorities, keyPassword, ciphers } = material;
  return {
    cert: material.certificate,
    key: material.key,
    minVersion: material.minVersion,
    maxVersion: material.maxVersion,
    honorCipherOrder: material.honorCipherOrder,
    // No client needs it, and it costs the broker more than the client that asks for it.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}

/** For a server of Node's: the context, and who has to show a certificate. */
export function serverOptions(material: TlsMaterial): ServerOptions {
  return {
    ...contextOptions(material),
    requestCert: material.asksClients,
    // Whether one that was shown is any good is looked at in either case (client-certificate.ts).
    rejectUnauthorized: material.refusesClientsWithout,
  };
}
