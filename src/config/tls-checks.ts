// What only shows when all the keys of TLS are seen together. Runs in main only. The files
// themselves are looked at when the broker starts (src/tls), not here.
import type { BrokerConfig, TlsOptions } from './broker-config.ts';
import { spokenVersions, type TlsPrefix, tlsOptionsOf } from './tls-settings.ts';

interface Kind {
  readonly prefix: TlsPrefix;
  readonly key: string;
  /** The key that opens the listener. */
  readonly listener: string;
}

const KINDS: readonly Kind[] = [
  { prefix: 'ssl', key: 'ssl_options', listener: 'listeners.ssl' },
  { prefix: 'managementSsl', key: 'management.ssl', listener: 'management.ssl.port' },
];

/** The kinds of listeners that speak TLS here. */
function openKinds(config: BrokerConfig): readonly Kind[] {
  return KINDS.filter(({ prefix }) =>
    prefix === 'ssl' ? config.sslListeners.length > 0 : config.managementSslPort !== undefined,
  );
}

/** `place`: where a key was set. */
export function checkTls(
  config: BrokerConfig,
  place: (key: string) => string,
  problems: string[],
): void {
  for (const { prefix, key, listener } of openKinds(config)) {
    const options = tlsOptionsOf(config, prefix);
    for (const [file, name] of [
      [options.certFile, 'certfile'],
      [options.keyFile, 'keyfile'],
    ] as const) {
      if (file !== undefined) continue;
      problems.push(`${place(listener)}: ${listener} needs ${key}.${name}`);
    }
    checkPeers(options, key, place, problems);
    if (spokenVersions(options).length === 0) {
      problems.push(
        `${place(`${key}.versions`)}: ${key}.versions must have tlsv1.3 or tlsv1.2, ` +
          `found ${options.versions.join(', ')}`,
      );
    }
  }
}

function checkPeers(
  { verify, caFile, failIfNoPeerCert }: TlsOptions,
  key: string,
  place: (key: string) => string,
  problems: string[],
): void {
  if (verify === 'verify_peer' && caFile === undefined) {
    problems.push(
      `${place(`${key}.verify`)}: ${key}.verify = verify_peer needs ${key}.cacertfile, ` +
        'the authorities to verify clients by',
    );
  }
  if (failIfNoPeerCert && verify === 'verify_none') {
    problems.push(
      `${place(`${key}.fail_if_no_peer_cert`)}: ${key}.fail_if_no_peer_cert = true needs ` +
        `${key}.verify = verify_peer`,
    );
  }
}

export function tlsWarnings(config: BrokerConfig): string[] {
  const warnings: string[] = [];
  for (const { prefix, key } of openKinds(config)) {
    const options = tlsOptionsOf(config, prefix);
    const spoken = spokenVersions(options);
    const others = options.versions.filter((version) => !spoken.includes(version));
    if (others.length === 0) continue;
    warnings.push(`${key}.versions: ${others.join(', ')} is not offered: it is not safe any more`);
  }
  const isVerified = config.sslListeners.length > 0 && config.sslVerify === 'verify_peer';
  if (config.authMechanisms.includes('EXTERNAL') && !isVerified) {
    warnings.push(
      'auth_mechanisms: EXTERNAL is never offered, because no client is asked for a certificate ' +
        '(listeners.ssl, ssl_options.verify = verify_peer)',
    );
  }
  return warnings;
}
