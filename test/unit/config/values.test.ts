// Values of each type: what is accepted, the exact bounds, and what RabbitMQ's own spellings mean.
import { describe, expect, it } from 'vitest';
import type { BrokerConfig } from '../../../src/config/broker-config.ts';
import { schema } from '../../../src/config/schema.ts';
import { sizeText } from '../../../src/config/value-parser.ts';
import { load, problemsOf } from './load.ts';

function value(text: string, field: keyof BrokerConfig) {
  return load({ file: text }).config[field];
}

describe('accepted', () => {
  it.each([
    ['max_message_size = 1000', 'messageBytesMax', 1000],
    ['max_message_size = 16MiB', 'messageBytesMax', 16777216],
    ['max_message_size = 16 MiB', 'messageBytesMax', 16777216],
    ['max_message_size = 16M', 'messageBytesMax', 16777216],
    ['max_message_size = 16MB', 'messageBytesMax', 16000000],
    ['max_message_size = 5kB', 'messageBytesMax', 5000],
    ['max_message_size = 5k', 'messageBytesMax', 5120],
    ['consumer.window = 1GiB', 'consumerWindowBytes', 1073741824],
    ['consumer.window = 1GB', 'consumerWindowBytes', 1000000000],
    ['heartbeat = 0', 'heartbeatSeconds', 0],
    ['heartbeat = 2m', 'heartbeatSeconds', 120],
    ['handshake_timeout = 5000', 'handshakeTimeoutMillis', 5000],
    ['handshake_timeout = 5s', 'handshakeTimeoutMillis', 5000],
    ['channel_max = 0', 'channelMax', 65535],
    ['max_channels_per_connection = 8', 'channelMax', 8],
    ['vm_memory_high_watermark.relative = 0.4', 'memoryWatermarkRelative', 0.4],
    ['vm_memory_high_watermark = 1', 'memoryWatermarkRelative', 1],
    ['vm_memory_high_watermark.absolute = 2GiB', 'memoryWatermarkBytes', 2 ** 31],
    ['vm_memory_high_watermark.absolute = 0', 'memoryWatermarkBytes', 0],
    ['vm_memory_high_watermark.absolute = none', 'memoryWatermarkBytes', undefined],
    ['consumer.slow_log_after = 1s', 'slowConsumerLogMillis', 1000],
    ['management.tcp.port = none', 'managementPort', undefined],
    ['management.tcp.ip = [::1]', 'managementHost', '::1'],
    ['management.tcp.ip = localhost', 'managementHost', 'localhost'],
    ['log.level = warn', 'logLevel', 'warning'],
    ['log.level = critical', 'logLevel', 'error'],
    ['data_dir = /var/lib/x', 'dataDir', '/var/lib/x'],
    ['data_dir = x/../y', 'dataDir', '/srv/y'],
    ['default_vhost = a b', 'defaultVhost', 'a b'],
    ['loopback_users = none', 'loopbackUsers', []],
    ['loopback_users.guest = false', 'loopbackUsers', []],
    ['loopback_users.admin = true', 'loopbackUsers', ['guest', 'admin']],
    ['loopback_users.a\\.b = true', 'loopbackUsers', ['guest', 'a.b']],
    ['loopback_users = a, b', 'loopbackUsers', ['a', 'b']],
    ['connection_max = 5', 'connectionMax', 5],
    ['max_connections = 5', 'connectionMax', 5],
    ['connection_max = infinity', 'connectionMax', 0],
    ['connection_max = 0', 'connectionMax', 0],
    ['user_limits.publish_bytes_per_second = 2MiB', 'userPublishBytesPerSecond', 2097152],
    ['user_limits.publish_bytes_per_second = infinity', 'userPublishBytesPerSecond', 0],
    ['default_limits.vhosts = none', 'vhostLimits', []],
    ['default_policies.operator = none', 'operatorPolicies', []],
    ['default_queue_type = quorum', 'defaultQueueType', 'quorum'],
    ['default_queue_type = rabbit_quorum_queue', 'defaultQueueType', 'quorum'],
  ] as const)('%s', (text, field, expected) => {
    expect(value(text, field)).toEqual(expected);
  });
});

describe('refused', () => {
  it.each([
    ['heartbeat = 65536', 'a time from 0 to 65535 seconds'],
    ['heartbeat = 1500ms', 'a time from 0 to 65535 seconds'],
    ['heartbeat = -1', 'a time'],
    ['heartbeat = 1e3', 'a time'],
    ['vm_memory_high_watermark = 1.5', 'a number from 0 to 1'],
    ['vm_memory_high_watermark = 60%', 'a number from 0 to 1'],
    ['vm_memory_high_watermark.absolute = 60%', 'none or a size in bytes from 0 to'],
    ['channel_max = 65536', 'a whole number from 0 to 65535'],
    ['channel_max = 5.5', 'a whole number'],
    ['frame_max = 4095', 'from 4KiB to 16MiB'],
    ['max_message_size = 513MiB', 'from 1 to 512MiB'],
    ['max_message_size = 5XB', 'a size in bytes'],
    ['ring.bytes = 3MiB', 'a power of two'],
    ['ring.bytes = 128MiB', 'from 64KiB to 64MiB'],
    ['management.tcp.port = 65536', 'none or a port from 0 to 65535'],
    ['management.tcp.ip = 1.2.3.400', 'an IP address or a host name'],
    ['compat.version = 4.2', 'three numbers with dots'],
    ['log.level = loud', 'one of debug, info, warning, error, none'],
    ['loopback_users.guest = yes', 'true or false'],
    ['loopback_users = a,,b', 'none or user names'],
    ['default_pass = encrypted:abc', 'encrypted values are not implemented'],
    ['listeners.tcp.x = localhost', 'a port or host:port'],
    ["default_user = ''", 'has no value'],
    ['connection_max = -1', 'infinity (no limit) or 1 to 1000000000'],
    ['connection_max = many', 'infinity (no limit) or 1 to 1000000000'],
    ['connection_max = 1000000001', 'infinity (no limit) or 1 to 1000000000'],
    ['connection_limits.publish_bytes_per_second = 1025GiB', 'a size in bytes up to 1024GiB'],
    ['default_limits.vhosts = 5', 'none, or be followed by .NAME.pattern'],
    ['default_limits.vhosts.1.max_conections = 5', 'a key that ends in .pattern, .max_connections'],
    ['default_limits.vhosts.1.pattern = (', 'a regular expression'],
    ['default_limits.vhosts.1.max_queues = few', 'infinity (no limit) or 1 to'],
    ['default_policies.operator = 5', 'none, or be followed by .NAME.max_length'],
    ['default_policies.operator.a.max_lenght = 5', 'a key that ends in one of vhost_pattern,'],
    ['default_policies.operator.a.queue_pattern = (', 'a regular expression'],
    ['default_policies.operator.a.apply_to = quorum', 'one of all, queues, classic_queues,'],
    ['default_policies.operator.a.expires = 0', 'a time from 1 to'],
    ['default_policies.operator.a.max_length = -1', 'a whole number'],
    ['default_queue_type = stream', 'one of classic, quorum'],
    ['quorum_queue.property_equivalence.relaxed_checks_on_redeclaration = 1', 'true or false'],
  ])('%s', (text, reason) => {
    const problems = problemsOf({ file: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(reason);
    expect(problems[0]).toContain('w.conf:1: ');
  });

  it.each(schema.filter(({ type }) => type.kind === 'integer'))(
    '$key outside its range',
    (setting) => {
      if (setting.type.kind !== 'integer') throw new Error('filtered above');
      const { min, max } = setting.type;
      const set = (number: number) => ({ args: { set: [`${setting.key}=${number}`] } });
      expect(load(set(min)).config[setting.field]).toBe(
        setting.key === 'channel_max' ? 65535 : min,
      );
      expect(load(set(max)).config[setting.field]).toBe(max);
      expect(problemsOf(set(max + 1))).toHaveLength(1);
      if (min > 0) expect(problemsOf(set(min - 1))).toHaveLength(1);
    },
  );
});

describe('sizes for people', () => {
  it.each([
    [1, '1'],
    [1023, '1023'],
    [1024, '1KiB'],
    [131072, '128KiB'],
    [1048577, '1048577'],
    [16777216, '16MiB'],
    [1073741824, '1GiB'],
  ])('%i is %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });
});
