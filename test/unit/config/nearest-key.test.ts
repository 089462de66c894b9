// "Did you mean": near names are found, far ones never suggested; the distance counts edits.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestKey } from '../../../src/config/nearest-key.ts';
import { rabbitmqKeyNames, rabbitmqKeyNote } from '../../../src/config/rabbitmq-keys.ts';
import { schema, settingOf } from '../../../src/config/schema.ts';

const known = [...schema.map(({ key }) => key), 'listeners.tcp.default', ...rabbitmqKeyNames()];

describe('nearestKey', () => {
  it.each([
    ['hearbeat', 'heartbeat'],
    ['heratbeat', 'heartbeat'],
    ['HEARTBEAT', 'heartbeat'],
    ['frame-max', 'frame_max'],
    ['default_password', 'default_pass'],
    ['management.tcp.prot', 'management.tcp.port'],
    ['listener.tcp.default', 'listeners.tcp.default'],
    ['loopback_user', 'loopback_users'],
    ['consumer_timout', 'consumer_timeout'],
    ['shrads', 'shards'],
  ])('%s -> %s', (key, expected) => {
    expect(nearestKey(key, known)).toBe(expected);
  });

  it.each(['x', 'colour', 'port', 'memory', 'queue.limit', 'users.guest', 'max', 'tls.port'])(
    'nothing is near %s',
    (key) => {
      expect(nearestKey(key, known)).toBeUndefined();
    },
  );

  it('never suggests a name further away than a quarter of its length', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z_.]{1,30}$/), (key) => {
        const suggestion = nearestKey(key, known);
        if (suggestion === undefined) return;
        const limit = Math.max(1, Math.max(key.length, suggestion.length) / 4);
        expect(editDistance(key, suggestion)).toBeLessThanOrEqual(limit);
      }),
    );
  });
});

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['a', '', 1],
    ['ab', 'ba', 1],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['ca', 'abc', 3],
  ])('%s to %s is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });

  it('is symmetric, zero only for equals, and at most the longer length', () => {
    const word = fc.stringMatching(/^[abc]{0,8}$/);
    fc.assert(
      fc.property(word, word, (one, other) => {
        const distance = editDistance(one, other);
        expect(distance).toBe(editDistance(other, one));
        expect(distance === 0).toBe(one === other);
        expect(distance).toBeLessThanOrEqual(Math.max(one.length, other.length));
      }),
    );
  });
});

describe('the keys of RabbitMQ', () => {
  it.each([
    'ssl_options.dhfile',
    'ssl_options.crl_check',
    'disk_free_limit.relative',
    'cluster_formation.k8s.host',
    'collect_statistics_interval',
    'queue_master_locator',
    'mqtt.vhost',
    'stomp.tcp_listen_options.backlog',
    'management.path_prefix',
    'log.file.level',
  ])('%s is known', (key) => {
    expect(rabbitmqKeyNote(key)).toContain('not implemented yet');
  });

  it('are in one list only: a key that is implemented is not called ignored', () => {
    for (const name of rabbitmqKeyNames()) expect(settingOf(name), name).toBeUndefined();
    for (const { key } of schema) expect(rabbitmqKeyNote(key), key).toBeUndefined();
  });

  it('do not swallow typing errors beside our own keys', () => {
    expect(rabbitmqKeyNote('management.tcp.prot')).toBeUndefined();
    expect(rabbitmqKeyNote('log.levle')).toBeUndefined();
    expect(rabbitmqKeyNote('listeners.tpc.default')).toBeUndefined();
  });
});
