// The keys of TLS: what RabbitMQ's users write loads, and what cannot work together is named.
import { describe, expect, it } from 'vitest';
import { tlsOptionsOf } from '../../../src/config/tls-settings.ts';
import { printConfig } from '../../../src/config/print-config.ts';
import { load, problemsOf } from './load.ts';

const WHOLE = `listeners.tcp = none
listeners.ssl.default = 5671
listeners.ssl.inside = 127.0.0.1:5673
ssl_options.cacertfile = ca.pem
ssl_options.certfile = /etc/warrenmq/server.pem
ssl_options.keyfile = server-key.pem
ssl_options.password = bunnies
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.depth = 2
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
ssl_options.ciphers.1 = TLS_AES_256_GCM_SHA384
ssl_options.ciphers.2 = ECDHE-RSA-AES256-GCM-SHA384
ssl_options.honor_cipher_order = true
ssl_handshake_timeout = 7000
ssl_cert_login_from = subject_alternative_name
ssl_cert_login_san_type = email
ssl_cert_login_san_index = 1
auth_mechanisms.1 = EXTERNAL
`;
const FILES = 'ssl_options.certfile = a\nssl_options.keyfile = b\n';

describe('the keys of TLS', () => {
  it('are those of a rabbitmq.conf', () => {
    const { config, warnings } = load({ file: WHOLE });
    expect(warnings).toEqual([]);
    expect(config.listeners).toEqual([]);
    expect(config.sslListeners).toEqual([
      { host: '::', port: 5671 },
      { host: '127.0.0.1', port: 5673 },
    ]);
    expect(tlsOptionsOf(config, 'ssl')).toEqual({
      caFile: '/srv/ca.pem',
      certFile: '/etc/warrenmq/server.pem',
      keyFile: '/srv/server-key.pem',
      keyPassword: 'bunnies',
      verify: 'verify_peer',
      failIfNoPeerCert: true,
      depth: 2,
      versions: ['tlsv1.3', 'tlsv1.2'],
      ciphers: ['TLS_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
      honorCipherOrder: true,
    });
    expect(config).toMatchObject({
      sslHandshakeTimeoutMillis: 7000,
      sslCertLoginFrom: 'subject_alternative_name',
      sslCertLoginSanType: 'email',
      sslCertLoginSanIndex: 1,
    });
  });

  it('are printed so that they can be loaded again, without the password', () => {
    const printed = printConfig(load({ file: WHOLE }));
    expect(printed).not.toContain('bunnies');
    const again = load({ file: printed }).config;
    expect(again).toEqual({ ...load({ file: WHOLE }).config, sslKeyPassword: undefined });
  });

  it('let --port and --host alone what listens by TLS', () => {
    const file = `listeners.ssl.1 = 5671\n${FILES}`;
    const { config } = load({ file, args: { config: 'w.conf', port: '0', host: '127.0.0.1' } });
    expect(config.sslListeners).toEqual([{ host: '::', port: 5671 }]);
    expect(config.listeners).toEqual([{ host: '127.0.0.1', port: 0 }]);
  });

  it('need the files, but only where something listens', () => {
    expect(problemsOf({ file: 'listeners.ssl.default = 5671' })).toEqual([
      'w.conf:1: listeners.ssl needs ssl_options.certfile',
      'w.conf:1: listeners.ssl needs ssl_options.keyfile',
    ]);
    expect(load({ file: 'ssl_options.verify = verify_peer' }).warnings).toEqual([]);
  });

  it('cannot verify by nobody, nor demand what is not asked for', () => {
    const file = `listeners.ssl.1 = 5671\n${FILES}`;
    expect(problemsOf({ file: `${file}ssl_options.verify = verify_peer` })).toEqual([
      'w.conf:4: ssl_options.verify = verify_peer needs ssl_options.cacertfile, the authorities ' +
        'to verify clients by',
    ]);
    expect(problemsOf({ file: `${file}ssl_options.fail_if_no_peer_cert = true` })).toEqual([
      'w.conf:4: ssl_options.fail_if_no_peer_cert = true needs ssl_options.verify = verify_peer',
    ]);
  });

  it('do without the versions that are not safe, with a warning, but not without any', () => {
    const file = `listeners.ssl.1 = 5671\n${FILES}ssl_options.versions.1 = tlsv1.1\n`;
    expect(problemsOf({ file })).toEqual([
      'w.conf:4: ssl_options.versions must have tlsv1.3 or tlsv1.2, found tlsv1.1',
    ]);
    expect(load({ file: `${file}ssl_options.versions.2 = tlsv1.2` }).warnings).toEqual([
      'ssl_options.versions: tlsv1.1 is not offered: it is not safe any more',
    ]);
  });

  it('warn of EXTERNAL where nobody is asked for a certificate', () => {
    expect(load({ file: 'auth_mechanisms.1 = EXTERNAL' }).warnings).toEqual([
      expect.stringContaining('EXTERNAL is never offered'),
    ]);
  });

  it('still take a misspelt key for one', () => {
    expect(problemsOf({ file: 'ssl_options.certfle = a' })).toEqual([
      'w.conf:1: unknown key "ssl_options.certfle"; did you mean "ssl_options.certfile"?',
    ]);
  });

  it('overlap with other listeners', () => {
    const file = `listeners.ssl.1 = 5672\n${FILES}`;
    expect(problemsOf({ file })).toEqual([
      expect.stringMatching(/^listeners\.tcp .* and listeners\.ssl .* both listen on port 5672/u),
    ]);
  });
});

describe('the management API by TLS', () => {
  const file = `management.ssl.port = 15671
management.ssl.certfile = a
management.ssl.keyfile = b
`;

  it('stands in for the one without, as in RabbitMQ', () => {
    expect(load({ file }).config).toMatchObject({
      managementPort: undefined,
      managementSslPort: 15671,
    });
  });

  it('stands beside the one without if that is wanted too', () => {
    expect(load({ file: `${file}management.tcp.port = 15672` }).config).toMatchObject({
      managementPort: 15672,
      managementSslPort: 15671,
    });
  });
});
