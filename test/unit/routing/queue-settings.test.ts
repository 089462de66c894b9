// What arguments and policies of a queue come to: which of two counts, and what is not set.
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import type { AppliedPolicy, QueueSpec } from '../../../src/routing/change.ts';
import { durabilityOf } from '../../../src/routing/durability.ts';
import { queueSettings } from '../../../src/routing/queue-settings.ts';

type Definition = AppliedPolicy['definition'];

const QUORUM = { 'x-queue-type': 'quorum' };

function spec(args: FieldTable, definition?: Definition): QueueSpec {
  const policy = definition && { name: 'p', operatorName: undefined, definition };
  return {
    id: 1,
    shard: 0,
    name: 'q',
    durable: true,
    autoDelete: false,
    exclusiveOwner: 0,
    arguments: args,
    policy,
  };
}

describe('the settings of a queue', () => {
  it('are none by themselves', () => {
    expect(queueSettings(spec({}))).toEqual({
      isQuorum: false,
      messageTtlMillis: -1,
      expiresMillis: -1,
      lengthMax: -1,
      bytesMax: -1,
      overflow: 'drop-head',
      deadLettering: undefined,
      priorityMax: -1,
      isSingleActive: false,
      deliveryLimit: -1,
      consumerTimeoutMillis: -1,
    });
    expect(queueSettings(spec(QUORUM))).toMatchObject({
      isQuorum: true,
      priorityMax: 31,
      deliveryLimit: 20,
    });
  });

  it.each([
    ['x-message-ttl', 'message-ttl', 'messageTtlMillis'],
    ['x-expires', 'expires', 'expiresMillis'],
    ['x-max-length', 'max-length', 'lengthMax'],
    ['x-max-length-bytes', 'max-length-bytes', 'bytesMax'],
    ['x-consumer-timeout', 'consumer-timeout', 'consumerTimeoutMillis'],
  ] as const)('take the lower of %s and %s', (argument, key, field) => {
    const value = (args: FieldTable, definition?: Definition): unknown =>
      queueSettings(spec(args, definition))[field];
    expect(value({ [argument]: 5 }, { [key]: 3 })).toBe(3);
    expect(value({ [argument]: 3n }, { [key]: 5 })).toBe(3);
    expect(value({ [argument]: 0 }, { [key]: 5 })).toBe(0);
    expect(value({ [argument]: 5 })).toBe(5);
    expect(value({}, { [key]: 5 })).toBe(5);
  });

  it.each([
    [{}, { overflow: 'reject-publish' }, 'reject-publish'],
    [{ 'x-overflow': 'drop-head' }, { overflow: 'reject-publish' }, 'drop-head'],
    [{ 'x-overflow': 'reject-publish-dlx' }, {}, 'reject-publish-dlx'],
    [{ ...QUORUM, 'x-overflow': 'drop-head' }, { overflow: 'reject-publish' }, 'reject-publish'],
    [{ ...QUORUM, 'x-overflow': 'reject-publish' }, {}, 'reject-publish'],
    [{ ...QUORUM, 'x-overflow': 'reject-publish-dlx' }, {}, 'drop-head'],
  ] as const)('overflow of %j under %j: %s', (args, definition, overflow) => {
    expect(queueSettings(spec(args, definition)).overflow).toBe(overflow);
  });

  it.each([
    [{}, {}, undefined],
    [{}, { 'dead-letter-routing-key': 'k' }, undefined],
    [{}, { 'dead-letter-exchange': 'x' }, ['x', undefined, false]],
    [
      { 'x-dead-letter-exchange': 'y' },
      { 'dead-letter-exchange': 'x', 'dead-letter-routing-key': 'k' },
      ['y', 'k', false],
    ],
    [
      { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': '' },
      { 'dead-letter-exchange': 'x', 'dead-letter-routing-key': 'k' },
      ['', '', false],
    ],
    [
      { ...QUORUM, 'x-dead-letter-exchange': 'y', 'x-dead-letter-strategy': 'at-least-once' },
      { overflow: 'reject-publish' },
      ['y', undefined, true],
    ],
    [
      { ...QUORUM, 'x-dead-letter-exchange': 'y', 'x-dead-letter-strategy': 'at-least-once' },
      {},
      ['y', undefined, false],
    ],
  ] as const)('dead letters of %j under %j go to %j', (args, definition, expected) => {
    const found = queueSettings(spec(args, definition)).deadLettering;
    const parts = found && [found.exchange, found.routingKey, found.isAtLeastOnce];
    expect(parts).toEqual(expected);
  });

  it.each([
    [5, 3, 3],
    [3, 5, 3],
    [-1, 5, 5],
    [5, -1, 5],
    [-1, -1, -1],
    [undefined, -1, -1],
    [-1, undefined, -1],
    [undefined, 0, 0],
  ])('of delivery limits %s and %s count %s', (asked, ruled, limit) => {
    const args: FieldTable =
      asked === undefined ? QUORUM : { ...QUORUM, 'x-delivery-limit': asked };
    const definition: Definition = ruled === undefined ? {} : { 'delivery-limit': ruled };
    expect(queueSettings(spec(args, definition)).deliveryLimit).toBe(limit);
  });
});

describe('the durability of a queue', () => {
  it.each([
    [{}, undefined, 'fsync'],
    [{}, { durability: 'write' }, 'write'],
    [{ 'x-durability': 'memory' }, { durability: 'write' }, 'memory'],
    [{}, { 'message-ttl': 5 }, 'fsync'],
  ] as const)('of arguments %j under %j is %s', (args, definition, expected) => {
    expect(durabilityOf(spec(args, definition), 'fsync')).toBe(expected);
  });
});
