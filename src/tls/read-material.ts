// Reads the files of TLS and finds out whether they can be used, before anybody has to: a broker
// that starts with a key that does not match would refuse every client. Main thread; synchronous,
// at start and when the files are looked at again. A problem names the key of the configuration,
// the file, what is wrong, and what to do.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from '../config/broker-config.ts';
import { spokenVersions } from '../config/tls-settings.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { contextOptions, pemCertificates, type TlsMaterial } from './tls-material.ts';

export interface ReadMaterial {
  readonly material: TlsMaterial;
  readonly own: Certificate;
  /** The authority that ends first, if there are any. */
  readonly authority: Certificate | undefined;
}

const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/u;

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by the account that runs the broker',
  EISDIR: 'is a directory',
};

/** `key`: where the configuration has the options, such as `ssl_options`. */
export function readMaterial(
  options: TlsOptions,
  key: string,
): ReadMaterial | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const read = (name: string, file: string | undefined): string | undefined => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      problems.push(`${key}.${name}: ${file} ${FILE_PROBLEMS[code ?? ''] ?? message}`);
      return undefined;
    }
  };
  const certificate = read('certfile', options.certFile);
  const privateKey = read('keyfile', options.keyFile);
  const authorities = read('cacertfile', options.caFile);
  const own = certificatesIn(certificate, `${key}.certfile: ${options.certFile}`, problems);
  const trusted = certificatesIn(authorities, `${key}.cacertfile: ${options.caFile}`, problems);
  if (privateKey !== undefined && certificate !== undefined && own.length > 0) {
    checkKey(privateKey, certificate, options, key, problems);
  }
  if (problems.length > 0) return { problems };
  const material = materialOf(options, certificate!, privateKey!, authorities);
  const wrong = contextProblem(material, key);
  if (wrong !== undefined) return { problems: [wrong] };
  return { material, own: own[0], authority: firstToEnd(trusted) };
}

function materialOf(
  options: TlsOptions,
  certificate: string,
  key: string,
  authorities: string | undefined,
): TlsMaterial {
  const versions = spokenVersions(options);
  return {
    certificate,
    key,
    keyPassword: options.keyPassword,
    authorities,
    minVersion: versions.includes('tlsv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('tlsv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: options.ciphers.length === 0 ? undefined : options.ciphers.join(':'),
    honorCipherOrder: options.honorCipherOrder,
    asksClients: options.verify === 'verify_peer',
    refusesClientsWithout: options.failIfNoPeerCert,
    isDirect: options.depth === 0,
  };
}

function certificatesIn(
  text: string | undefined,
  where: string,
  problems: string[],
): Certificate[] {
  if (text === undefined) return [];
  const found = pemCertificates(text);
  if (found.length === 0) {
    problems.push(
      `${where} holds no certificate in PEM (-----BEGIN CERTIFICATE-----); ` +
        '`openssl x509 -inform der -in FILE` makes it from DER',
    );
  }
  try {
    return found.map((pem) => readCertificate(new X509Certificate(pem).raw));
  } catch (error) {
    problems.push(`${where} holds a certificate that cannot be read: ${(error as Error).message}`);
    return [];
  }
}

function checkKey(
  privateKey: string,
  certificate: string,
  { keyFile, certFile, keyPassword }: TlsOptions,
  key: string,
  problems: string[],
): void {
  const where = `${key}.keyfile: ${keyFile}`;
  if (!PRIVATE_KEY.test(privateKey)) {
    problems.push(
      `${where} holds no private key in PEM (-----BEGIN PRIVATE KEY-----); ` +
        '`openssl pkey -inform der -in FILE` makes it from DER',
    );
    return;
  }
  const isEncrypted = /ENCRYPTED/u.test(privateKey);
  if (isEncrypted && keyPassword === undefined) {
    problems.push(`${where} is encrypted; set ${key}.password`);
    return;
  }
  try {
    const parsed = createPrivateKey({ key: privateKey, passphrase: keyPassword });
    if (new X509Certificate(certificate).checkPrivateKey(parsed)) return;
    problems.push(`${where} is not the key that belongs to the certificate in ${certFile}`);
  } catch (error) {
    problems.push(
      isEncrypted
        ? `${where} cannot be decrypted; ${key}.password is not its password`
        : `${where} cannot be read: ${(error as Error).message}`,
    );
  }
}

/** What OpenSSL has against it. */
function contextProblem(material: TlsMaterial, key: string): string | undefined {
  try {
    createSecureContext(contextOptions(material));
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_SSL_NO_CIPHER_MATCH') {
      return (
        `${key}.ciphers: OpenSSL has none of them: ${material.ciphers}; ` +
        '`openssl ciphers` lists the names'
      );
    }
    return `${key}: OpenSSL refuses the certificate, the key or the ciphers: ${message}`;
  }
}

function firstToEnd(certificates: readonly Certificate[]): Certificate | undefined {
  return certificates.toSorted((one, other) => (one.notAfter < other.notAfter ? -1 : 1))[0];
}
