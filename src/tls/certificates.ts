// The certificates of the broker: read at start, looked at again from time to time and when an
// operator says so, and handed out anew where they have changed. Main thread. RabbitMQ notices new
// files within two minutes, because Erlang forgets the old ones; here it is one minute.
// Invariant: what is in use can be used. Files that cannot be (half written, a key that does not
// match yet) are named in the log, and the old ones go on.
import type { Logger } from '../base/logger.ts';
import type { BrokerConfig, TlsOptions } from '../config/broker-config.ts';
import { type TlsPrefix, tlsOptionsOf } from '../config/tls-settings.ts';
import { TlsFileError } from '../errors/tls-file-error.ts';
import { type ReadMaterial, readMaterial } from './read-material.ts';
import type { TlsMaterial } from './tls-material.ts';

const LOOK_MILLIS = 60_000;
const DAY_MILLIS = 86_400_000;
const SOON_DAYS = 30;

/** What a kind of listeners is called in RabbitMQ's listings. */
export type TlsProtocol = 'amqp/ssl' | 'https';

/** A certificate file that is in use, and when what is in it ends. */
export interface CertificateExpiry {
  readonly protocol: TlsProtocol;
  /** The key of the configuration: `certfile` or `cacertfile`. */
  readonly name: 'certfile' | 'cacertfile';
  readonly file: string;
  readonly subject: string;
  readonly notAfter: string;
}

interface Kind {
  readonly protocol: TlsProtocol;
  readonly key: string;
  readonly options: TlsOptions;
  read: ReadMaterial;
  /** What was wrong when it was last looked at; said once. */
  problem: string;
}

export class Certificates {
  private readonly kinds: readonly Kind[];
  private readonly log: Logger;
  private readonly listeners: ((protocol: TlsProtocol, material: TlsMaterial) => void)[];
  private timer: NodeJS.Timeout | undefined;
  private warnedAtMillis: number;

  /** Throws a TlsFileError that names everything that is wrong. */
  constructor(config: BrokerConfig, log: Logger) {
    this.log = log;
    this.listeners = [];
    this.timer = undefined;
    this.warnedAtMillis = 0;
    const problems: string[] = [];
    const kinds: Kind[] = [];
    for (const { protocol, key, prefix } of kindsOf(config)) {
      const options = tlsOptionsOf(config, prefix);
      const read = readMaterial(options, key);
      if ('problems' in read) problems.push(...read.problems);
      else kinds.push({ protocol, key, options, read, problem: '' });
    }
    if (problems.length > 0) throw new TlsFileError(problems);
    this.kinds = kinds;
    for (const { protocol, read } of kinds) {
      const { subject, notAfter } = read.own;
      log.info('certificate', { listener: protocol, subject, until: notAfter });
    }
    this.warnOfEnds(Date.now());
  }

  /** Undefined: nothing listens by TLS there. */
  materialFor(protocol: TlsProtocol): TlsMaterial | undefined {
    return this.kinds.find((kind) => kind.protocol === protocol)?.read.material;
  }

  onChange(listener: (protocol: TlsProtocol, material: TlsMaterial) => void): void {
    this.listeners.push(listener);
  }

  /** From now on the files are looked at by themselves. */
  watch(): void {
    if (this.kinds.length === 0) return;
    this.timer = setInterval(() => this.look(), LOOK_MILLIS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Reads the files again; returns what is wrong with them, for which reason the old ones stay. */
  reload(): readonly string[] {
    return this.kinds.flatMap((kind) => {
      const read = readMaterial(kind.options, kind.key);
      if ('problems' in read) return read.problems;
      this.take(kind, read);
      return [];
    });
  }

  expiries(): CertificateExpiry[] {
    return this.kinds.flatMap(({ protocol, options, read }) => {
      const { own, authority } = read;
      const { subject, notAfter } = own;
      const certificate = { protocol, subject, notAfter, name: 'certfile' as const };
      const all: CertificateExpiry[] = [{ ...certificate, file: options.certFile! }];
      if (authority !== undefined && options.caFile !== undefined) {
        const { subject: name, notAfter: end } = authority;
        const file = options.caFile;
        all.push({ protocol, name: 'cacertfile', file, subject: name, notAfter: end });
      }
      return all;
    });
  }

  private look(): void {
    for (const kind of this.kinds) {
      const read = readMaterial(kind.options, kind.key);
      const problem = 'problems' in read ? read.problems.join('; ') : '';
      if (problem !== '' && problem !== kind.problem) {
        const listener = kind.protocol;
        this.log.error('certificate files cannot be used; the old ones stay in use', {
          listener,
          problem,
        });
      }
      kind.problem = problem;
      if (!('problems' in read)) this.take(kind, read);
    }
    this.warnOfEnds(Date.now());
  }

  private take(kind: Kind, read: ReadMaterial): void {
    const before = JSON.stringify(kind.read.material);
    kind.read = read;
    if (JSON.stringify(read.material) === before) return;
    const { subject, notAfter } = read.own;
    this.log.info('certificate files have changed', {
      listener: kind.protocol,
      subject,
      until: notAfter,
    });
    for (const listener of this.listeners) listener(kind.protocol, read.material);
    this.warnedAtMillis = 0;
  }

  /** Once a day. */
  private warnOfEnds(nowMillis: number): void {
    if (nowMillis - this.warnedAtMillis < DAY_MILLIS) return;
    this.warnedAtMillis = nowMillis;
    for (const { protocol, file, subject, notAfter } of this.expiries()) {
      const days = Math.floor((Date.parse(notAfter) - nowMillis) / DAY_MILLIS);
      if (days >= SOON_DAYS) continue;
      const facts = { listener: protocol, file, subject, until: notAfter };
      if (days < 0) this.log.error('certificate has expired: clients refuse it', facts);
      else this.log.warn('certificate expires soon', { ...facts, days });
    }
  }
}

function kindsOf(config: BrokerConfig) {
  const kinds: { protocol: TlsProtocol; key: string; prefix: TlsPrefix }[] = [];
  if (config.sslListeners.length > 0) {
    kinds.push({ protocol: 'amqp/ssl', key: 'ssl_options', prefix: 'ssl' });
  }
  if (config.managementSslPort !== undefined) {
    kinds.push({ protocol: 'https', key: 'management.ssl', prefix: 'managementSsl' });
  }
  return kinds;
}
