// The keys of TLS, for AMQP (`ssl_options.*`) and for the management API (`management.ssl.*`): the
// same options twice. Runs in main only. Names and defaults are RabbitMQ's (rabbit.schema,
// rabbitmq_management.schema) and Erlang's where RabbitMQ leaves them to it.
// https://www.rabbitmq.com/docs/ssl
import type { BrokerConfig, TlsOptions } from './broker-config.ts';
import type { ConfigField, Setting } from './setting.ts';

const SINCE = '0.2.0';
/** OpenSSL here speaks the first two; the others are known so that an old file still loads. */
const VERSIONS = ['tlsv1.3', 'tlsv1.2', 'tlsv1.1', 'tlsv1'];
const VERSIONS_SPOKEN: readonly string[] = VERSIONS.slice(0, 2);

/** Which fields of the configuration the options of a kind of listener are. */
export type TlsPrefix = 'ssl' | 'managementSsl';

function fieldOf(prefix: TlsPrefix, option: keyof TlsOptions): ConfigField {
  return `${prefix}${option[0].toUpperCase()}${option.slice(1)}` as ConfigField;
}

/** The options of one kind of listener. */
export function tlsOptionsOf(config: BrokerConfig, prefix: TlsPrefix): TlsOptions {
  const options = OPTIONS.map(({ option }) => [option, config[fieldOf(prefix, option)]] as const);
  return Object.fromEntries(options) as unknown as TlsOptions;
}

/** The versions that are offered: those that are wanted and can be had. */
export function spokenVersions({ versions }: Pick<TlsOptions, 'versions'>): readonly string[] {
  return versions.filter((version) => VERSIONS_SPOKEN.includes(version));
}

interface TlsOption extends Pick<Setting, 'type' | 'default' | 'description' | 'secret'> {
  readonly name: string;
  readonly option: keyof TlsOptions;
}

const OPTIONS: readonly TlsOption[] = [
  {
    name: 'cacertfile',
    option: 'caFile',
    type: { kind: 'path', orNone: true },
    default: undefined,
    description:
      'PEM file of the authorities whose certificates are accepted from clients, or none.',
  },
  {
    name: 'certfile',
    option: 'certFile',
    type: { kind: 'path', orNone: true },
    default: undefined,
    description:
      "PEM file of the broker's certificate, followed by intermediate ones if there are any.",
  },
  {
    name: 'keyfile',
    option: 'keyFile',
    type: { kind: 'path', orNone: true },
    default: undefined,
    description: 'PEM file of the private key that belongs to the certificate.',
  },
  {
    name: 'password',
    option: 'keyPassword',
    type: { kind: 'string', orNone: true },
    default: undefined,
    description: 'Password of the private key; none: it is not encrypted.',
    secret: true,
  },
  {
    name: 'verify',
    option: 'verify',
    type: { kind: 'choice', choices: ['verify_none', 'verify_peer'], aliases: {} },
    default: 'verify_none',
    description:
      'verify_peer: clients are asked for a certificate, and one that is shown has to be good. ' +
      'verify_none: they are not asked.',
  },
  {
    name: 'fail_if_no_peer_cert',
    option: 'failIfNoPeerCert',
    type: { kind: 'boolean' },
    default: false,
    description: 'With verify_peer: clients without a certificate are refused.',
  },
  {
    name: 'depth',
    option: 'depth',
    type: { kind: 'integer', min: 0, max: 255 },
    default: 10,
    description:
      '0: the certificate of a client has to be signed by an authority of cacertfile itself; any ' +
      'other number allows intermediate certificates, however many.',
  },
  {
    name: 'versions',
    option: 'versions',
    type: { kind: 'name-list', choices: VERSIONS },
    default: VERSIONS_SPOKEN,
    description:
      'TLS versions that clients may use: .1 = tlsv1.3 and so on; tlsv1.1 and tlsv1 are known ' +
      'and never offered.',
  },
  {
    name: 'ciphers',
    option: 'ciphers',
    type: { kind: 'name-list', orNone: true },
    default: [],
    description:
      'Cipher suites that clients may use, by the names OpenSSL has for them: .1 = ' +
      'TLS_AES_256_GCM_SHA384 and so on; without any the usual safe ones.',
  },
  {
    name: 'honor_cipher_order',
    option: 'honorCipherOrder',
    type: { kind: 'boolean' },
    default: false,
    description: 'The first of the cipher suites that the client has too is used, not its first.',
  },
];

function optionSettings(key: string, prefix: TlsPrefix): Setting[] {
  return OPTIONS.map(({ name, option, ...rest }) => ({
    key: `${key}.${name}`,
    field: fieldOf(prefix, option),
    ...rest,
    since: SINCE,
  }));
}

export const tlsSettings: readonly Setting[] = [
  {
    key: 'listeners.ssl',
    field: 'sslListeners',
    type: { kind: 'listeners' },
    default: [],
    description:
      'Where AMQP clients connect by TLS: listeners.ssl.NAME is a port or host:port, usually ' +
      '5671. listeners.tcp = none leaves these alone.',
    since: SINCE,
  },
  ...optionSettings('ssl_options', 'ssl'),
  {
    key: 'ssl_handshake_timeout',
    field: 'sslHandshakeTimeoutMillis',
    type: { kind: 'duration', unit: 'milliseconds', min: 100, max: 3_600_000 },
    default: 5000,
    description:
      'Time a client has for the TLS handshake, in milliseconds; it is part of handshake_timeout.',
    since: SINCE,
  },
  {
    key: 'ssl_cert_login_from',
    field: 'sslCertLoginFrom',
    type: {
      kind: 'choice',
      choices: ['distinguished_name', 'common_name', 'subject_alternative_name'],
      aliases: {},
    },
    default: 'distinguished_name',
    description:
      'What of its certificate is the user name of a client of the mechanism EXTERNAL: the ' +
      'distinguished name such as CN=a,O=b, its common name, or one of its alternative names.',
    since: SINCE,
  },
  {
    key: 'ssl_cert_login_san_type',
    field: 'sslCertLoginSanType',
    type: { kind: 'choice', choices: ['dns', 'ip', 'email', 'uri', 'other_name'], aliases: {} },
    default: 'dns',
    description: 'Which of the alternative names count.',
    since: SINCE,
  },
  {
    key: 'ssl_cert_login_san_index',
    field: 'sslCertLoginSanIndex',
    type: { kind: 'integer', min: 0, max: 255 },
    default: 0,
    description: 'Which one of them it is; 0 is the first.',
    since: SINCE,
  },
  {
    key: 'management.ssl.port',
    field: 'managementSslPort',
    type: { kind: 'port-or-none' },
    default: undefined,
    description:
      'Port of the management HTTP API by TLS, usually 15671, or none. With it there is no ' +
      'listener without TLS unless management.tcp.port is set as well.',
    since: SINCE,
  },
  {
    key: 'management.ssl.ip',
    field: 'managementSslHost',
    type: { kind: 'host' },
    default: '::',
    description: 'Address of that listener; :: is every IPv4 and IPv6 address.',
    since: SINCE,
  },
  ...optionSettings('management.ssl', 'managementSsl'),
];
