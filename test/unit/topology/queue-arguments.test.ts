// Arguments of new queues. What stands before " (" is what a RabbitMQ 3.10.8 answered, with its
// 'byte' for our 'signedint'; the rest is ours.
import { describe, expect, it } from 'vitest';
import { type FieldTable, LongString, Timestamp } from '../../../src/protocol/field-table.ts';
import { accepted, args, queue, refused, topologyWith } from './commanding.ts';

const QUORUM = { 'x-queue-type': 'quorum' };
const EXPIRES = 'an integer, 1 to 315360000000';
const NOT_NEGATIVE = 'an integer, 0 or more';
const OVERFLOW = 'drop-head, reject-publish or reject-publish-dlx';

/** The argument at fault, the table, the problem. */
const INVALID: readonly [string, FieldTable, string][] = [
  ['x-expires', { 'x-expires': 0 }, `{value_zero,0} (expected ${EXPIRES})`],
  ['x-expires', { 'x-expires': -1 }, `{value_negative,-1} (expected ${EXPIRES})`],
  ['x-expires', { 'x-expires': 'a' }, `"expected integer, got longstr" (expected ${EXPIRES})`],
  ['x-expires', { 'x-expires': 1.5 }, `"expected integer, got double" (expected ${EXPIRES})`],
  ['x-expires', { 'x-expires': null }, `"expected integer, got void" (expected ${EXPIRES})`],
  [
    'x-expires',
    { 'x-expires': 315_360_000_001 },
    `{value_too_large,315360000001} (expected ${EXPIRES})`,
  ],
  ['x-expires', { 'x-message-ttl': -1, 'x-expires': 0 }, `{value_zero,0} (expected ${EXPIRES})`],
  [
    'x-message-ttl',
    { 'x-message-ttl': -1 },
    '{value_negative,-1} (expected an integer, 0 to 315360000000)',
  ],
  [
    'x-message-ttl',
    { 'x-message-ttl': true },
    '"expected integer, got bool" (expected an integer, 0 to 315360000000)',
  ],
  [
    'x-message-ttl',
    { 'x-message-ttl': new Timestamp(5) },
    '"expected integer, got timestamp" (expected an integer, 0 to 315360000000)',
  ],
  [
    'x-message-ttl',
    { 'x-message-ttl': 2n ** 62n },
    '{value_too_large,4611686018427387904} (expected an integer, 0 to 315360000000)',
  ],
  [
    'x-dead-letter-routing-key',
    { 'x-dead-letter-routing-key': 'a' },
    'routing_key_but_no_dlx_defined (declare x-dead-letter-exchange too)',
  ],
  [
    'x-dead-letter-routing-key',
    { 'x-dead-letter-routing-key': [1], 'x-dead-letter-exchange': 'e' },
    '{unacceptable_type,array} (expected a UTF-8 string)',
  ],
  ['x-max-length', { 'x-max-length': -1 }, `{value_negative,-1} (expected ${NOT_NEGATIVE})`],
  [
    'x-max-length-bytes',
    { 'x-max-length-bytes': 'a' },
    `"expected integer, got longstr" (expected ${NOT_NEGATIVE})`,
  ],
  [
    'x-max-priority',
    { 'x-max-priority': 256 },
    '{max_value_exceeded,256} (expected an integer, 0 to 255)',
  ],
  ['x-overflow', { 'x-overflow': 'foo' }, `invalid_overflow (expected ${OVERFLOW})`],
  ['x-overflow', { 'x-overflow': 5 }, `{unacceptable_type,signedint} (expected ${OVERFLOW})`],
  [
    'x-single-active-consumer',
    { 'x-single-active-consumer': 1 },
    '{unacceptable_type,signedint} (expected a boolean)',
  ],
  [
    'x-queue-type',
    { 'x-queue-type': 'stream' },
    `"unsupported queue type 'stream'" (expected classic or quorum)`,
  ],
  [
    'x-queue-type',
    { 'x-queue-type': 5, 'x-expires': 0 },
    '{unacceptable_type,signedint} (expected classic or quorum)',
  ],
  [
    'x-queue-mode',
    { 'x-queue-mode': 'foo' },
    `"unsupported queue mode 'foo'" (expected default or lazy)`,
  ],
  [
    'x-queue-version',
    { 'x-queue-version': 3 },
    `"unsupported queue version '3'" (expected 1 or 2)`,
  ],
  [
    'x-consumer-timeout',
    { 'x-consumer-timeout': -5 },
    `{value_negative,-5} (expected ${NOT_NEGATIVE})`,
  ],
  [
    'x-queue-leader-locator',
    { 'x-queue-leader-locator': 'foo' },
    'invalid_queue_locator_arg (expected client-local, balanced, random or least-leaders)',
  ],
  [
    'x-dead-letter-strategy',
    { ...QUORUM, 'x-dead-letter-strategy': 'foo' },
    'invalid_dlx_strategy (expected at-most-once or at-least-once)',
  ],
  [
    'x-quorum-initial-group-size',
    { ...QUORUM, 'x-quorum-initial-group-size': 0 },
    '{value_zero,0} (expected an integer, 1 or more)',
  ],
  [
    'x-delivery-limit',
    { ...QUORUM, 'x-delivery-limit': -2 },
    '{value_negative,-2} (expected an integer, -1 or more)',
  ],
];

describe('invalid values', () => {
  it.each(INVALID)('%s, case %#', (name, table, problem) => {
    expect(refused(topologyWith(), queue('q', args(table)))).toBe(
      `406 invalid arg '${name}' for queue 'q' in vhost '/': ${problem}`,
    );
  });

  it.each<[FieldTable[string], string]>([
    [5, 'signedint'],
    [{ a: 1 }, 'table'],
    [new LongString(Uint8Array.of(0xff)), 'longstr'],
  ])('x-dead-letter-exchange %j is no name', (value, type) => {
    const table = { 'x-dead-letter-exchange': value, 'x-queue-type': 'stream' };
    expect(refused(topologyWith(), queue('q', args(table)))).toBe(
      `406 invalid type '${type}' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'`,
    );
  });
});

describe('arguments of other queue types', () => {
  it.each<[string, FieldTable, string]>([
    ['x-delivery-limit', { 'x-delivery-limit': 5 }, 'classic'],
    ['x-dead-letter-strategy', { 'x-dead-letter-strategy': 'at-least-once' }, 'classic'],
    ['x-max-in-memory-length', { 'x-max-in-memory-length': 1 }, 'classic'],
    ['x-max-age', { 'x-max-age': '7D' }, 'classic'],
    ['x-max-priority', { ...QUORUM, 'x-max-priority': 5 }, 'quorum'],
    ['x-queue-mode', { ...QUORUM, 'x-queue-mode': 'lazy' }, 'quorum'],
    ['x-initial-cluster-size', { ...QUORUM, 'x-initial-cluster-size': 3 }, 'quorum'],
  ])('%s on a queue that has it not, case %#', (name, table, type) => {
    expect(refused(topologyWith(), queue('q', args(table)))).toBe(
      `406 invalid arg '${name}' for queue 'q' in vhost '/' of queue type rabbit_${type}_queue`,
    );
  });
});

describe('quorum queues', () => {
  it.each([
    ['non-durable', { durable: false }],
    ['exclusive-owner', { exclusive: true }],
    ['auto-delete', { autoDelete: true, exclusive: true, durable: false }],
  ])('cannot be %s', (property, options) => {
    expect(refused(topologyWith(), queue('q', { ...options, ...args(QUORUM) }))).toBe(
      `406 invalid property '${property}' for queue 'q' in vhost '/' (quorum queues are durable, not exclusive, not auto-delete)`,
    );
  });
});

describe('valid arguments', () => {
  it.each<FieldTable>([
    {
      'x-expires': 1,
      'x-message-ttl': 0,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'rk',
      'x-max-length': 0,
      'x-max-length-bytes': 2n ** 62n,
      'x-max-priority': 255,
      'x-overflow': 'reject-publish-dlx',
      'x-queue-mode': 'lazy',
      'x-queue-version': 1,
      'x-single-active-consumer': true,
      'x-queue-type': 'classic',
      'x-consumer-timeout': 1000,
      'x-queue-leader-locator': 'balanced',
      'x-queue-master-locator': 'random',
    },
    { 'x-queue-version': 2, 'x-max-priority': 0, 'x-expires': 315_360_000_000 },
    {
      ...QUORUM,
      'x-delivery-limit': -1,
      'x-dead-letter-strategy': 'at-least-once',
      'x-quorum-initial-group-size': 3,
      'x-delayed-retry-type': 'failed',
      'x-max-in-memory-bytes': 1,
      'x-overflow': 'reject-publish',
    },
    { anything: [1, { nested: null }], 'x-of-the-future': 1.5 },
    Object.defineProperty({}, '__proto__', { value: 1, enumerable: true }) as FieldTable,
  ])('are kept as they are, case %#', (table) => {
    const topology = topologyWith();
    accepted(topology, queue('q', args(table)));
    expect([...topology.queues('/')][0]?.arguments).toBe(table);
    expect(accepted(topology, queue('q', args({ ...table })))).toEqual([]);
  });
});
