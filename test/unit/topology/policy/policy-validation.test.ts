// Which policies are none, in RabbitMQ's words (4.3.5, rabbit_policy and the validators).
import { describe, expect, it } from 'vitest';
import { parsePolicy, policyValue } from '../../../../src/topology/policy/policy-validation.ts';
import type { PolicyKind } from '../../../../src/topology/policy/policy.ts';

const GOOD = { pattern: '^a', definition: { 'max-length': 5 } };

/** What is wrong with a definition; undefined when it is a policy. */
function problem(definition: unknown, kind: PolicyKind = 'policy'): string | undefined {
  return problemOf({ ...GOOD, definition }, kind);
}

function problemOf(value: unknown, kind: PolicyKind = 'policy'): string | undefined {
  const parsed = parsePolicy(kind, 'p', policyValue(value));
  if (typeof parsed !== 'string') return undefined;
  const [, text] = /^Validation failed\n\n([\s\S]*)\n$/u.exec(parsed)!;
  return text;
}

describe('a policy', () => {
  it('has what is not said: priority 0, for everything', () => {
    expect(parsePolicy('policy', 'p', policyValue(GOOD))).toEqual({
      name: 'p',
      pattern: /^a/,
      applyTo: 'all',
      priority: 0,
      definition: { 'max-length': 5 },
    });
  });

  it.each([
    ['alternate-exchange', 'x'],
    ['consumer-disconnected-timeout', 0],
    ['consumer-timeout', 0],
    ['dead-letter-exchange', ''],
    ['dead-letter-routing-key', ''],
    ['dead-letter-strategy', 'at-least-once'],
    ['message-ttl', 0],
    ['expires', 1],
    ['max-length', 0],
    ['max-length-bytes', 0],
    ['max-in-memory-length', 0],
    ['max-in-memory-bytes', 0],
    ['queue-mode', 'lazy'],
    ['queue-version', 2],
    ['queue-master-locator', 'min-masters'],
    ['overflow', 'reject-publish-dlx'],
    ['delivery-limit', -1],
    ['max-age', '7D'],
    ['stream-max-segment-size-bytes', 0],
    ['stream-filter-size-bytes', 16],
    ['queue-leader-locator', 'balanced'],
    ['initial-cluster-size', 3],
    ['target-group-size', 1],
    ['member-placement-tag', 'x'],
    ['delayed-retry-type', 'disabled'],
    ['delayed-retry-min', 1],
    ['delayed-retry-max', 1],
    ['durability', 'write'],
    ['delayed-message', true],
  ])('may say %s = %j', (key, value) => {
    expect(problem({ [key]: value })).toBeUndefined();
  });

  it.each([
    ['alternate-exchange', 5, '5 is not a valid alternate exchange name'],
    ['consumer-timeout', -1, '-1 is not a valid consumer timeout'],
    ['dead-letter-exchange', true, 'true is not a valid dead letter exchange name'],
    ['dead-letter-routing-key', null, 'null is not a valid dead letter routing key'],
    ['dead-letter-strategy', 'x', '<<"x">> is not a valid dead letter strategy'],
    ['message-ttl', '5', '<<"5">> is not a valid message TTL'],
    ['message-ttl', 1.5, '1.5 is not a valid message TTL'],
    ['expires', 0, '0 is not a valid queue expiry'],
    ['max-length', -1, '-1 is not a valid maximum length'],
    ['max-length-bytes', [1], '[1] is not a valid maximum length in bytes'],
    ['queue-mode', 'x', '<<"x">> is not a valid queue-mode value'],
    ['queue-version', 3, '3 is not a valid queue-version value'],
    ['overflow', { a: 'b' }, '#{<<"a">> => <<"b">>} is not a valid overflow value'],
    ['delivery-limit', 'a"b', '<<"a\\"b">> is not a valid delivery limit'],
    ['max-age', '0D', '<<"0D">> is not a valid max age'],
    ['max-age', '5', '<<"5">> is not a valid max age'],
    ['stream-filter-size-bytes', 15, '15 is not a valid filter size. Valid range is 16-255'],
    ['target-group-size', 0, '0 is not a valid qq target count value'],
    [
      'delayed-retry-min',
      0,
      '0 is not a valid delayed retry minimum delay. Must be a positive integer',
    ],
    [
      'durability',
      'disk',
      '<<"disk">> is not a valid durability (expected fsync, write or memory)',
    ],
    ['delayed-message', 1, '1 is not a valid delayed-message value (expected true or false)'],
  ])('may not say %s = %j', (key, value, text) => {
    expect(problem({ [key]: value })).toBe(text);
  });

  it('names the settings there are when it has others', () => {
    expect(problem({ 'max-lenght': 1, 'ha-mode': 'all', 'max-length': 5 })).toMatch(
      /^\[\{<<"max-lenght">>,1\},\{<<"ha-mode">>,<<"all">>\}\] are not recognised policy settings \(known are alternate-exchange, /u,
    );
  });

  it.each([
    ['names inherited from objects', { constructor: 1 }],
    ['settings that are no policy in RabbitMQ', { 'max-priority': 5 }],
  ])('has no %s', (_what, definition) => {
    expect(problem(definition)).toContain('are not recognised policy settings');
  });

  it.each([
    [{ ...GOOD, priority: '5' }, 'priority should be a number, actually was <<"5">>'],
    [{ ...GOOD, pattern: 5 }, 'pattern should be a binary but was 5'],
    [{ ...GOOD, pattern: 'a'.repeat(1025) }, 'pattern must not exceed 1024 bytes'],
    [{ definition: GOOD.definition }, 'Key "pattern" not found in p'],
    [{ pattern: 'a' }, 'Key "definition" not found in p'],
    [{ ...GOOD, definition: {} }, 'no policy provided'],
    [{ ...GOOD, definition: [] }, 'definition must be a dictionary: []'],
    [{ ...GOOD, more: 1 }, 'Unrecognised terms [{<<"more">>,1}] in p'],
    ['text', 'p not a list <<"text">>'],
    [null, 'p not a list null'],
    [
      { ...GOOD, 'apply-to': 'some' },
      "apply-to 'some' unrecognised; should be one of: 'queues', 'classic_queues',  " +
        "'quorum_queues', 'streams', 'exchanges', or 'all'",
    ],
  ])('%j is none', (value, text) => {
    expect(problemOf(value)).toBe(text);
  });

  it('says all that is wrong with its members at once', () => {
    expect(problemOf({ pattern: '(', priority: true, definition: {}, 'apply-to': 1 })).toMatch(
      /^no policy provided\napply-to '1' unrecognised.*\npattern should be regular expression but is invalid: .*\npriority should be a number, actually was true$/u,
    );
  });

  it.each([
    [
      { 'delayed-retry-type': 'all' },
      'delayed-retry-min is required when delayed-retry-type is all',
    ],
    [
      { 'delayed-retry-min': 5, 'delayed-retry-max': 4 },
      'delayed-retry-max (4) must not be smaller than delayed-retry-min (5)',
    ],
  ])('%j does not go together', (definition, text) => {
    expect(problem(definition)).toBe(text);
  });
});

describe('an operator policy', () => {
  it.each([
    'expires',
    'message-ttl',
    'max-length',
    'max-length-bytes',
    'max-in-memory-length',
    'max-in-memory-bytes',
    'delivery-limit',
    'queue-version',
    'target-group-size',
  ])('may say %s', (key) => {
    expect(problem({ [key]: 1 }, 'operator_policy')).toBeUndefined();
  });

  it.each([
    ['overflow', 'drop-head', true],
    ['queue-master-locator', 'random', true],
    ['dead-letter-exchange', 'x', false],
    ['alternate-exchange', 'x', false],
    ['consumer-timeout', 5, false],
    ['durability', 'fsync', false],
  ])('%s: %j, %s', (key, value, isAllowed) => {
    const text = problem({ [key]: value }, 'operator_policy');
    if (isAllowed) expect(text).toBeUndefined();
    else expect(text).toContain('are not recognised policy settings (known are message-ttl, ');
  });
});
