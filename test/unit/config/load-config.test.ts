// Loading the configuration: defaults, precedence of the sources, messages that name their place.
import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/config/load-config.ts';
import { schema } from '../../../src/config/schema.ts';
import { environmentName } from '../../../src/config/setting.ts';
import { load, problemsOf } from './load.ts';

describe('defaults', () => {
  it('are those of RabbitMQ, and one shard per core that no acceptor has', () => {
    expect(load({}).config).toEqual({
      listeners: [{ host: '::', port: 5672 }],
      sslListeners: [],
      sslCaFile: undefined,
      sslCertFile: undefined,
      sslKeyFile: undefined,
      sslKeyPassword: undefined,
      sslVerify: 'verify_none',
      sslFailIfNoPeerCert: false,
      sslDepth: 10,
      sslVersions: ['tlsv1.3', 'tlsv1.2'],
      sslCiphers: [],
      sslHonorCipherOrder: false,
      sslHandshakeTimeoutMillis: 5000,
      sslCertLoginFrom: 'distinguished_name',
      sslCertLoginSanType: 'dns',
      sslCertLoginSanIndex: 0,
      managementSslHost: '::',
      managementSslPort: undefined,
      managementSslCaFile: undefined,
      managementSslCertFile: undefined,
      managementSslKeyFile: undefined,
      managementSslKeyPassword: undefined,
      managementSslVerify: 'verify_none',
      managementSslFailIfNoPeerCert: false,
      managementSslDepth: 10,
      managementSslVersions: ['tlsv1.3', 'tlsv1.2'],
      managementSslCiphers: [],
      managementSslHonorCipherOrder: false,
      heartbeatSeconds: 60,
      frameMax: 131072,
      channelMax: 2047,
      messageBytesMax: 16777216,
      handshakeTimeoutMillis: 10000,
      defaultUser: 'guest',
      defaultPass: 'guest',
      defaultVhost: '/',
      loopbackUsers: ['guest'],
      authMechanisms: ['PLAIN', 'AMQPLAIN', 'ANONYMOUS'],
      authBackends: ['internal'],
      anonymousUser: 'guest',
      anonymousPass: 'guest',
      loginRefusedMillis: 3000,
      permitTransientQueues: true,
      permitGlobalQos: true,
      frameMaxFloor: 4096,
      shards: 3,
      acceptors: 1,
      dataDir: '/srv/data',
      managementHost: '::',
      managementPort: 15672,
      clusterName: `rabbit@${os.hostname()}`,
      compatProduct: 'RabbitMQ',
      compatVersion: '4.2.0',
      logLevel: 'info',
      ringBytes: 1048576,
      inlineBodyBytesMax: 3072,
      readBudgetBytes: 262144,
      loopbackCongestionControl: 'reno',
      connectionWindowBytes: 16777216,
      consumerWindowBytes: 4194304,
      consumerTimeoutMillis: 1800000,
      flowBacklogMessages: 4096,
      flowPublishRateFloor: 100000,
      durability: 'fsync',
      storageBackend: 'auto',
      segmentBytes: 33554432,
      memoryPagingRatio: 0.5,
      diskFreeLimitBytes: 50_000_000,
      connectionMax: 0,
      channelMaxPerNode: 0,
      consumerMaxPerChannel: 0,
      vhostMax: 0,
      clusterQueueLimit: 0,
      clusterExchangeLimit: 0,
      vhostLimits: [],
      operatorPolicies: [],
      defaultQueueType: 'classic',
      isQuorumRedeclarationRelaxed: false,
      userConnectionMax: 0,
      userChannelMax: 0,
      userPublishMessagesPerSecond: 0,
      userPublishBytesPerSecond: 0,
      connectionPublishMessagesPerSecond: 0,
      connectionPublishBytesPerSecond: 0,
      acceptPerSecond: 0,
      slowConsumerLogMillis: 10000,
      memoryWatermarkRelative: 0.6,
      memoryWatermarkBytes: undefined,
      vhostBudgetBytes: 0,
      queueBudgetBytes: 0,
      transactionBytesMax: 134217728,
      plugins: [],
      pluginsOnError: 'stop',
      timestampInterceptor: 'none',
      routingNodeInterceptor: 'none',
    });
  });

  it.each([
    [1, 1, 1],
    [2, 1, 1],
    [16, 4, 12],
    [2, 8, 1],
    [512, 1, 128],
  ])('with %i cores and %i acceptors there are %i shards', (cores, acceptors, shards) => {
    expect(load({ cores, args: { acceptors: String(acceptors) } }).config.shards).toBe(shards);
  });

  it('name a source for every key of the schema', () => {
    const { sources } = load({});
    expect([...sources.keys()]).toEqual(schema.map(({ key }) => key));
    expect(new Set(sources.values())).toEqual(new Set(['default']));
  });

  it('give defaultConfig, with overrides', () => {
    const config = defaultConfig({ shards: 3 });
    expect(config.shards).toBe(3);
    expect(Object.keys(config)).toEqual(expect.arrayContaining(schema.map(({ field }) => field)));
    expect(Object.isFrozen(config)).toBe(true);
  });
});

describe('the effective configuration', () => {
  it('is frozen throughout and survives a structured clone', () => {
    const { config } = load({ file: 'loopback_users.admin = true' });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.listeners)).toBe(true);
    expect(Object.isFrozen(config.listeners[0])).toBe(true);
    expect(Object.isFrozen(config.loopbackUsers)).toBe(true);
    expect(structuredClone(config)).toEqual(config);
  });
});

describe('precedence', () => {
  // From the weakest to the strongest source of the same key.
  const sources = [
    { file: 'default_user = from-file', place: 'w.conf:1', value: 'from-file' },
    {
      env: { RABBITMQ_DEFAULT_USER: 'from-rabbitmq' },
      place: 'environment RABBITMQ_DEFAULT_USER',
      value: 'from-rabbitmq',
    },
    {
      env: { WARRENMQ_DEFAULT_USER: 'from-warrenmq' },
      place: 'environment WARRENMQ_DEFAULT_USER',
      value: 'from-warrenmq',
    },
    { args: { set: ['default_user=from-set'] }, place: 'flag --set', value: 'from-set' },
  ];

  for (const [strongest, winner] of sources.entries()) {
    for (let subset = 0; subset < 2 ** strongest; subset += 1) {
      const others = sources.filter((_, index) => index < strongest && (subset >> index) & 1);
      const names = others.map(({ value }) => value).join(', ') || 'the default';
      it(`${winner.value} wins over ${names}`, () => {
        const all = [...others, winner];
        const { config, sources: places } = load(
          all.reduce(
            (given, { file, env, args }) => ({
              ...given,
              ...(file === undefined ? {} : { file }),
              env: { ...given.env, ...env },
              args: { ...given.args, ...args },
            }),
            {} as Parameters<typeof load>[0],
          ),
        );
        expect(config.defaultUser).toBe(winner.value);
        expect(places.get('default_user')).toBe(winner.place);
      });
    }
  }

  it.each([
    ['dataDir', 'data_dir', '/flag', '/file', 'dataDir'],
    ['shards', 'shards', '2', '3', 'shards'],
    ['acceptors', 'acceptors', '2', '3', 'acceptors'],
    ['managementPort', 'management.tcp.port', '2', '3', 'managementPort'],
  ] as const)('--%s beats %s of the environment and the file', (flag, key, value, other, field) => {
    const given = { file: `${key} = ${other}`, env: { [environmentName(key)]: other } };
    expect(String(load({ ...given, args: { [flag]: value } }).config[field])).toBe(value);
    expect(String(load(given).config[field])).toBe(other);
  });

  it('every key can be set by its environment variable and by --set', () => {
    const samples: Record<string, string> = {
      'listeners.tcp': '127.0.0.1:1',
      loopback_users: 'none',
      auth_mechanisms: 'PLAIN',
      'deprecated_features.permit.transient_nonexcl_queues': 'false',
      'deprecated_features.permit.global_qos': 'false',
      'compat.version': '3.13.0',
      'log.level': 'debug',
      'management.tcp.ip': '127.0.0.1',
      default_queue_type: 'quorum',
      'quorum_queue.property_equivalence.relaxed_checks_on_redeclaration': 'true',
      acceptors: '2',
      shards: '5',
      'ring.bytes': '64KiB',
      'ring.inline_body_max': '1KiB',
      'vm_memory_high_watermark.relative': '0.5',
      vm_memory_high_watermark_paging_ratio: '0.4',
      'storage.durability': 'write',
      'storage.backend': 'portable',
      'socket.loopback_congestion_control': 'system',
      'storage.segment_bytes': '1MiB',
      'plugins.on_error': 'skip',
      'message_interceptors.incoming.set_header_timestamp.overwrite': 'true',
      'message_interceptors.incoming.set_header_routing_node.overwrite': 'false',
      'listeners.ssl': '127.0.0.1:1',
      'management.ssl.ip': '127.0.0.1',
      ssl_handshake_timeout: '6000',
      ssl_cert_login_from: 'common_name',
      ssl_cert_login_san_type: 'email',
      ssl_cert_login_san_index: '1',
    };
    for (const kind of ['ssl_options', 'management.ssl']) {
      samples[`${kind}.verify`] = 'verify_peer';
      samples[`${kind}.fail_if_no_peer_cert`] = 'true';
      samples[`${kind}.honor_cipher_order`] = 'true';
      samples[`${kind}.depth`] = '1';
      samples[`${kind}.versions`] = 'tlsv1.2';
    }
    const files = (kind: string) => [`${kind}.certfile=a`, `${kind}.keyfile=b`];
    const beside: Record<string, string[]> = {
      'listeners.ssl': files('ssl_options'),
      'management.ssl.port': files('management.ssl'),
    };
    // By themselves these keys only take `none`, which is the default.
    const entries: Record<string, string> = {
      'default_limits.vhosts': 'default_limits.vhosts.a.max_queues',
      'default_policies.operator': 'default_policies.operator.a.max_length',
      plugins: 'plugins.1',
    };
    for (const { key, field } of schema) {
      const value = samples[key] ?? '5000';
      const entry = entries[key] ?? key;
      const byEnvironment = load({
        env: { [environmentName(entry)]: value },
        args: { set: beside[key] ?? [] },
      });
      const bySet = load({ args: { set: [`${entry}=${value}`, ...(beside[key] ?? [])] } });
      expect(byEnvironment.sources.get(key)).toBe(`environment ${environmentName(entry)}`);
      expect(bySet.sources.get(key)).toBe('flag --set');
      expect(bySet.config[field]).not.toEqual(load({}).config[field]);
      expect(byEnvironment.config[field]).toEqual(bySet.config[field]);
    }
  });

  it('lets a relative watermark beat an absolute one of its layer and of those below', () => {
    const relative = 'vm_memory_high_watermark = 0.5';
    const absolute = 'vm_memory_high_watermark.absolute=1GiB';
    const bytesOf = (file: string, ...set: string[]) =>
      load({ file, args: { set } }).config.memoryWatermarkBytes;
    expect(bytesOf(`${relative}\n${absolute}`)).toBeUndefined();
    expect(bytesOf(absolute, 'vm_memory_high_watermark.relative=0.4')).toBeUndefined();
    expect(bytesOf(relative, absolute)).toBe(2 ** 30);
  });

  it('takes RABBITMQ_MNESIA_DIR before RABBITMQ_MNESIA_BASE', () => {
    const env = { RABBITMQ_MNESIA_BASE: '/base', RABBITMQ_MNESIA_DIR: '/dir' };
    expect(load({ env }).config.dataDir).toBe('/dir');
    expect(load({ env: { RABBITMQ_MNESIA_BASE: 'base' } }).config.dataDir).toBe('/srv/base');
  });

  it('counts an empty environment variable as unset', () => {
    expect(load({ env: { RABBITMQ_DEFAULT_USER: '' } }).config.defaultUser).toBe('guest');
  });
});

describe('the configuration file', () => {
  it('is found by --config, WARRENMQ_CONFIG_FILE or RABBITMQ_CONFIG_FILE, in this order', () => {
    const files = {
      '/a.conf': 'heartbeat = 1',
      '/b.conf': 'heartbeat = 2',
      '/srv/c.conf': 'heartbeat = 3',
    };
    const env = { WARRENMQ_CONFIG_FILE: '/b.conf', RABBITMQ_CONFIG_FILE: 'c' };
    const heartbeat = (given: Parameters<typeof load>[0]) => load(given).config.heartbeatSeconds;
    expect(heartbeat({ files, env, args: { config: '/a.conf' } })).toBe(1);
    expect(heartbeat({ files, env })).toBe(2);
    // RabbitMQ's variable may leave out the extension.
    expect(heartbeat({ files, env: { RABBITMQ_CONFIG_FILE: 'c' } })).toBe(3);
  });

  it('must exist when it is named', () => {
    expect(problemsOf({ args: { config: 'no.conf' } })).toEqual([
      'the configuration file no.conf cannot be read: it does not exist',
    ]);
  });
});

describe('problems', () => {
  it('come all at once, each with its place', () => {
    const problems = problemsOf({
      file: '# comment\nhearbeat = 60\n\nframe_max = 12\nno equals sign',
      env: { WARRENMQ_SHARDS: 'many' },
      args: { port: '70000', set: ['channel_max', 'default_usr=x'] },
    });
    expect(problems).toEqual([
      'w.conf:5: expected "key = value" or a comment, found "no equals sign"',
      'flag --set: expected key=value, found "channel_max"',
      'w.conf:2: unknown key "hearbeat"; did you mean "heartbeat"?',
      'w.conf:4: frame_max must be a size in bytes from 4KiB to 16MiB (units: kB, KiB, MB, MiB, GB, GiB), found "12"',
      'environment WARRENMQ_SHARDS: shards must be a whole number from 1 to 128, found "many"',
      'flag --set: unknown key "default_usr"; did you mean "default_user"?',
      'flag --port must be a port from 0 to 65535, found "70000"',
    ]);
  });

  it('never show a password', () => {
    const long = 'x'.repeat(300);
    const [problem] = problemsOf({ env: { RABBITMQ_DEFAULT_PASS: long } });
    expect(problem).toContain('default_pass must be text of 1 to 255 bytes');
    expect(problem).not.toContain('xxx');
  });

  it('suggest nothing when nothing is near', () => {
    expect(problemsOf({ file: 'colour = blue' })).toEqual(['w.conf:1: unknown key "colour"']);
  });

  it('include a key given two values by flags, and not the same value twice', () => {
    const set = ['heartbeat=1', 'heartbeat=2'];
    expect(problemsOf({ args: { set } })).toEqual([
      'flag --set and flag --set give heartbeat two different values',
    ]);
    const twice = { shards: '2', set: ['shards=2'] };
    expect(load({ args: twice }).config.shards).toBe(2);
    expect(problemsOf({ args: { shards: '2', set: ['shards=3'] } })).toHaveLength(1);
  });

  it('include a body limit that a ring could not carry', () => {
    const problems = problemsOf({ file: 'ring.bytes = 64KiB\nring.inline_body_max = 17KiB' });
    expect(problems).toEqual([
      'w.conf:2: ring.inline_body_max must be at most a quarter of ring.bytes (64KiB), found 17KiB',
    ]);
  });
});

describe('warnings', () => {
  it('name RabbitMQ keys that are not implemented, with file and line', () => {
    const { config, warnings } = load({
      file: 'heartbeat = 5\nqueue_index_embed_msgs_below = 10\nnum_acceptors.tcp = 10',
    });
    expect(config.heartbeatSeconds).toBe(5);
    expect(warnings).toEqual([
      'w.conf:2: queue_index_embed_msgs_below is a known RabbitMQ key, not implemented yet; it is ignored',
      'w.conf:3: num_acceptors.tcp has no meaning here and is ignored; `acceptors` sets the acceptor threads',
    ]);
  });

  it('say that a later line of the file replaces an earlier one, also under its other name', () => {
    const { config, warnings } = load({
      file: 'channel_max = 5\nmax_channels_per_connection = 6',
    });
    expect(config.channelMax).toBe(6);
    expect(warnings).toEqual(['w.conf:2: channel_max replaces its value at w.conf:1']);
  });

  it('name unknown WARRENMQ_ variables, but not those of Kubernetes', () => {
    const { warnings } = load({
      env: {
        WARRENMQ_HEARTBAET: '5',
        WARRENMQ_PORT: '5673',
        WARRENMQ_AMQP_PORT: 'tcp://10.0.0.1:5672',
        WARRENMQ_SERVICE_HOST: '10.0.0.1',
        WARRENMQ_SERVICE_PORT_AMQP: '5672',
        WARRENMQ_PORT_5672_TCP_ADDR: '10.0.0.1',
      },
    });
    expect(warnings).toEqual([
      'environment WARRENMQ_HEARTBAET is not a setting and is ignored; did you mean WARRENMQ_HEARTBEAT?',
      'environment WARRENMQ_PORT is not a setting and is ignored',
    ]);
  });
});
