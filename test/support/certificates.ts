// Test thread. Certificates for tests, made by openssl when the tests run: an authority, a server
// and whatever clients a test wants. Keys are of an elliptic curve, which takes no time. Nothing of
// it outlives the test.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, test } from 'vitest';

export interface KeyPair {
  readonly certFile: string;
  readonly keyFile: string;
}

interface LeafOptions {
  /** As openssl's -subj: `/O=Example/CN=name`. */
  readonly subject?: string;
  /** As openssl's subjectAltName: `DNS:localhost,IP:127.0.0.1`. */
  readonly alternativeNames?: string;
  readonly days?: number;
  /** May sign others. */
  readonly isAuthority?: boolean;
  /** Who signs; without it the authority. */
  readonly issuer?: KeyPair;
}

/**
 * Without openssl there are no certificates, and instead of the tests there is one that says so; as
 * there is for a broker from outside (CONFORMANCE_URL), which has none of these.
 */
export function describeWithCertificates(
  name: string,
  body: (certificates: TestCertificates) => void,
): void {
  const isThere = spawnSync('openssl', ['version']).status === 0;
  const isOurs = process.env['CONFORMANCE_URL'] === undefined;
  const withCertificates = (): void => {
    const certificates = new TestCertificates();
    afterAll(() => certificates.remove());
    body(certificates);
  };
  const need = isThere ? 'a broker of our own' : 'openssl';
  const without = (): void => test(`skipped: needs ${need}`, ({ skip }) => skip());
  const tests = isThere && isOurs ? withCertificates : without;
  describe(name, () => {
    tests();
  });
}

export class TestCertificates {
  readonly directory: string;
  readonly authority: KeyPair;
  readonly server: KeyPair;
  #count = 0;

  constructor() {
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-tls-'));
    this.authority = this.#make(['-subj', '/O=WarrenMQ tests/CN=authority']);
    this.server = this.sign({
      subject: '/O=WarrenMQ tests/CN=localhost',
      alternativeNames: 'DNS:localhost,IP:127.0.0.1,IP:::1',
    });
  }

  /** A certificate that the authority, or another one, vouches for. */
  sign(options: LeafOptions = {}): KeyPair {
    const { certFile, keyFile } = options.issuer ?? this.authority;
    const args = ['-CA', certFile, '-CAkey', keyFile];
    args.push('-subj', options.subject ?? `/CN=client-${this.#count}`);
    args.push('-days', String(options.days ?? 365), '-utf8');
    const isAuthority = options.isAuthority === true;
    args.push('-addext', `basicConstraints=critical,CA:${isAuthority ? 'TRUE' : 'FALSE'}`);
    const names = options.alternativeNames;
    if (names !== undefined) args.push('-addext', `subjectAltName=${names}`);
    return this.#make(args);
  }

  /** A certificate that vouches for itself. */
  selfSigned(subject: string): KeyPair {
    return this.#make(['-subj', subject]);
  }

  /** A file beside the others. */
  file(name: string, text: string): string {
    const file = path.join(this.directory, name);
    fs.writeFileSync(file, text);
    return file;
  }

  /** The same key under a password. */
  encrypted({ keyFile }: KeyPair, password: string): string {
    const file = path.join(this.directory, `encrypted-${(this.#count += 1)}.pem`);
    openssl(['pkcs8', '-topk8', '-in', keyFile, '-out', file, '-passout', `pass:${password}`]);
    return file;
  }

  remove(): void {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }

  /** The settings of a broker that uses the server's certificate. */
  settings(): Record<string, string> {
    return {
      'listeners.ssl.default': '0',
      'ssl_options.cacertfile': this.authority.certFile,
      'ssl_options.certfile': this.server.certFile,
      'ssl_options.keyfile': this.server.keyFile,
    };
  }

  #make(args: readonly string[]): KeyPair {
    const name = path.join(this.directory, String((this.#count += 1)));
    const pair = { certFile: `${name}.pem`, keyFile: `${name}-key.pem` };
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl(['req', '-x509', ...key, '-keyout', pair.keyFile, '-out', pair.certFile, ...args]);
    return pair;
  }
}

function openssl(args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
}
