// Certificate files at start and later: what is wrong with them is said in words that help, what
// has changed is handed out, what cannot be used is not.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogger, type LogRecord } from '../../../src/base/logger.ts';
import type { BrokerConfig } from '../../../src/config/broker-config.ts';
import { defaultConfig } from '../../../src/config/load-config.ts';
import { TlsFileError } from '../../../src/errors/tls-file-error.ts';
import { startFailureText } from '../../../src/cli/start-failure.ts';
import { Certificates } from '../../../src/tls/certificates.ts';
import { describeWithCertificates } from '../../support/certificates.ts';

const MINUTE_MILLIS = 60_000;
const DAY_MILLIS = 24 * 60 * MINUTE_MILLIS;

describeWithCertificates('certificate files', (made) => {
  let records: LogRecord[];
  let config: Partial<BrokerConfig>;
  const log = createLogger('test', 'debug', (record) => records.push(record));
  const messages = () => records.map(({ message }) => message);

  beforeEach(() => {
    vi.useFakeTimers();
    records = [];
    config = {
      sslListeners: [{ host: '::', port: 5671 }],
      sslCertFile: made.server.certFile,
      sslKeyFile: made.server.keyFile,
    };
  });
  afterEach(() => vi.useRealTimers());

  function problems(changes: Partial<BrokerConfig>): readonly string[] {
    try {
      new Certificates(defaultConfig({ ...config, ...changes }), log).stop();
    } catch (error) {
      if (error instanceof TlsFileError) return error.problems;
      throw error;
    }
    return [];
  }

  it('are told with their end', () => {
    const certificates = new Certificates(
      defaultConfig({ ...config, sslCaFile: made.authority.certFile, sslVerify: 'verify_peer' }),
      log,
    );
    expect(records[0]).toMatchObject({
      level: 'info',
      fields: { listener: 'amqp/ssl', subject: 'CN=localhost,O=WarrenMQ tests' },
    });
    expect(certificates.expiries()).toMatchObject([
      { protocol: 'amqp/ssl', name: 'certfile', file: made.server.certFile },
      { protocol: 'amqp/ssl', name: 'cacertfile', subject: 'CN=authority,O=WarrenMQ tests' },
    ]);
    expect(certificates.materialFor('https')).toBeUndefined();
    expect(certificates.materialFor('amqp/ssl')).toMatchObject({
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      asksClients: true,
    });
  });

  it('are not looked for where nothing listens', () => {
    expect(problems({ sslListeners: [], sslCertFile: '/nowhere' })).toEqual([]);
  });

  it('have to be there, all at once, with the keys that name them', () => {
    expect(
      problems({ sslCertFile: '/no/cert', sslKeyFile: made.directory, sslCaFile: '/no/ca' }),
    ).toEqual([
      'ssl_options.certfile: /no/cert does not exist',
      `ssl_options.keyfile: ${made.directory} is a directory`,
      'ssl_options.cacertfile: /no/ca does not exist',
    ]);
    const error = new TlsFileError(['ssl_options.certfile: /no/cert does not exist']);
    expect(startFailureText(error)).toBe(
      'WarrenMQ did not start: TLS listeners cannot use their files.\n' +
        '  ssl_options.certfile: /no/cert does not exist',
    );
  });

  it('have to hold what they are for', () => {
    const { certFile, keyFile } = made.server;
    expect(problems({ sslCertFile: keyFile })).toEqual([
      expect.stringContaining(`ssl_options.certfile: ${keyFile} holds no certificate in PEM`),
    ]);
    expect(problems({ sslKeyFile: certFile })).toEqual([
      expect.stringContaining(`ssl_options.keyfile: ${certFile} holds no private key in PEM`),
    ]);
    const broken = made.file(
      'broken.pem',
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    );
    expect(problems({ sslCertFile: broken })).toEqual([
      expect.stringContaining('holds a certificate that cannot be read'),
    ]);
  });

  it('have to belong together', () => {
    const { keyFile } = made.sign();
    expect(problems({ sslKeyFile: keyFile })).toEqual([
      `ssl_options.keyfile: ${keyFile} is not the key that belongs to the certificate in ` +
        made.server.certFile,
    ]);
  });

  it('may have a password, which has to be right', () => {
    const sslKeyFile = made.encrypted(made.server, 'bunnies');
    expect(problems({ sslKeyFile })).toEqual([
      `ssl_options.keyfile: ${sslKeyFile} is encrypted; set ssl_options.password`,
    ]);
    expect(problems({ sslKeyFile, sslKeyPassword: 'hares' })).toEqual([
      `ssl_options.keyfile: ${sslKeyFile} cannot be decrypted; ssl_options.password is not its ` +
        'password',
    ]);
    expect(problems({ sslKeyFile, sslKeyPassword: 'bunnies' })).toEqual([]);
  });

  it('come with ciphers that OpenSSL has', () => {
    expect(problems({ sslCiphers: ['NO-SUCH-CIPHER'] })).toEqual([
      'ssl_options.ciphers: OpenSSL has none of them: NO-SUCH-CIPHER; `openssl ciphers` lists ' +
        'the names',
    ]);
    const sslCiphers = ['TLS_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
    expect(problems({ sslCiphers })).toEqual([]);
  });

  it('are warned of before they end, once a day', () => {
    const soon = made.sign({ days: 10 });
    // After the second in which it was signed, wherever that second ended.
    vi.setSystemTime(vi.getRealSystemTime() + MINUTE_MILLIS);
    const ending = { sslCertFile: soon.certFile, sslKeyFile: soon.keyFile };
    const certificates = new Certificates(defaultConfig({ ...config, ...ending }), log);
    certificates.watch();
    const warnings = () => records.filter(({ level }) => level !== 'info');
    expect(warnings()).toMatchObject([
      { level: 'warning', message: 'certificate expires soon', fields: { days: 9 } },
    ]);
    // The clock jumps: days of looking at files every minute take half a minute here.
    const later = (millis: number): void => {
      vi.setSystemTime(Date.now() + millis);
      vi.advanceTimersByTime(MINUTE_MILLIS);
    };
    later(DAY_MILLIS - 3 * MINUTE_MILLIS);
    expect(warnings()).toHaveLength(1);
    later(2 * MINUTE_MILLIS);
    expect(warnings()).toHaveLength(2);
    later(10 * DAY_MILLIS);
    expect(warnings().at(-1)).toMatchObject({
      level: 'error',
      message: 'certificate has expired: clients refuse it',
    });
    certificates.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that have changed are handed out, within a minute or when asked', () => {
    const directory = fs.mkdtempSync(path.join(made.directory, 'live-'));
    const [sslCertFile, sslKeyFile] = ['cert.pem', 'key.pem'].map((name) =>
      path.join(directory, name),
    );
    const install = (pair: { certFile?: string; keyFile?: string }) => {
      if (pair.certFile !== undefined) fs.copyFileSync(pair.certFile, sslCertFile);
      if (pair.keyFile !== undefined) fs.copyFileSync(pair.keyFile, sslKeyFile);
    };
    install(made.server);
    const live = defaultConfig({ ...config, sslCertFile, sslKeyFile });
    const certificates = new Certificates(live, log);
    const changes: string[] = [];
    certificates.onChange((protocol, { certificate }) =>
      changes.push(`${protocol} ${certificate}`),
    );
    certificates.watch();
    vi.advanceTimersByTime(5 * MINUTE_MILLIS);
    expect(changes).toEqual([]);

    const first = made.sign({ subject: '/CN=first' });
    install({ certFile: first.certFile });
    vi.advanceTimersByTime(3 * MINUTE_MILLIS);
    expect(changes).toEqual([]);
    expect(messages().filter((message) => message.includes('cannot be used'))).toHaveLength(1);
    install({ keyFile: first.keyFile });
    vi.advanceTimersByTime(MINUTE_MILLIS);
    expect(changes).toEqual([`amqp/ssl ${fs.readFileSync(first.certFile, 'utf8')}`]);
    expect(certificates.expiries()[0].subject).toBe('CN=first');

    const second = made.sign({ subject: '/CN=second' });
    install(second);
    expect(certificates.reload()).toEqual([]);
    expect(changes).toHaveLength(2);
    fs.rmSync(sslKeyFile);
    expect(certificates.reload()).toEqual([`ssl_options.keyfile: ${sslKeyFile} does not exist`]);
    expect(certificates.expiries()[0].subject).toBe('CN=second');
    certificates.stop();
  });
});
