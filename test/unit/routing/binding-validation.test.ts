// What the control plane refuses before it binds, with RabbitMQ's texts.
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import { Double } from '../../../src/protocol/field-table.ts';
import {
  validateHeadersBinding,
  validateTopicBinding,
} from '../../../src/routing/binding-validation.ts';
import {
  addExchangeType,
  exchangeType,
  exchangeTypes,
} from '../../../src/routing/exchange-types.ts';
import { bindingSpec, exchangeSpec, queueSpec } from './vhost-fixture.ts';

describe('validateHeadersBinding', () => {
  it.each<FieldTable>([
    {},
    { 'x-match': 'all' },
    { 'x-match': 'any' },
    { 'x-match': 'all-with-x' },
    { 'x-match': 'any-with-x' },
    { a: 1 },
  ])('accepts %j', (args) => {
    expect(validateHeadersBinding(args)).toBeUndefined();
  });

  it.each<[FieldTable[string], string]>([
    ['bogus', 'value <<"bogus">>; expected all, any, all-with-x, or any-with-x'],
    ['', 'value <<"">>; expected all, any, all-with-x, or any-with-x'],
    ['a"\\', 'value <<"a\\"\\\\">>; expected all, any, all-with-x, or any-with-x'],
    ['é', 'value <<"é"/utf8>>; expected all, any, all-with-x, or any-with-x'],
    [1, 'type signedint (value 1); expected longstr'],
    [2n ** 40n, 'type long (value 1099511627776); expected longstr'],
    [true, 'type bool (value true); expected longstr'],
    [null, 'type void (value undefined); expected longstr'],
    [new Double(1), 'type double (value ...); expected longstr'],
  ])('refuses x-match %s', (value, text) => {
    expect(validateHeadersBinding({ 'x-match': value })).toBe(`Invalid x-match field ${text}`);
  });
});

describe('validateTopicBinding', () => {
  it.each(['', '#', '#.b.#', '#.#', 'a#.#b.#.##.###', '*.*.*.*'])('accepts %j', (key) => {
    expect(validateTopicBinding(key)).toBeUndefined();
  });

  it('refuses a third #', () => {
    expect(validateTopicBinding('#.a.#.#')).toBe(
      "Topic binding key '#.a.#.#' uses 3 '#' wildcards, at most 2 are allowed",
    );
  });
});

describe('a binding', () => {
  it('is checked by the type of its source', () => {
    const bad = bindingSpec('x', 'q', '#.#.#', { 'x-match': 'bogus' });
    const problemOf = (type: string) =>
      exchangeType(type)?.validateBinding?.(bad, exchangeSpec('x', type), queueSpec('q', 1));
    expect(problemOf('headers')).toContain('x-match');
    expect(problemOf('topic')).toContain('wildcards');
    expect(problemOf('direct')).toBeUndefined();
    expect(problemOf('fanout')).toBeUndefined();
  });
});

describe('the registry of exchange types', () => {
  it('knows the four of the specification and those of RabbitMQ and its plugins', () => {
    expect(exchangeTypes().map(({ name }) => name)).toEqual([
      'direct',
      'fanout',
      'headers',
      'topic',
      'x-consistent-hash',
      'x-delayed-message',
      'x-local-random',
      'x-modulus-hash',
      'x-random',
      'x-recent-history',
    ]);
    for (const type of exchangeTypes()) expect(exchangeType(type.name)).toBe(type);
    expect(['', 'Direct', 'x-unknown', 'constructor'].map(exchangeType)).toEqual(
      Array.from({ length: 4 }, () => undefined),
    );
  });

  it('lets nobody replace a built-in type', () => {
    const type = { ...exchangeType('topic')! };
    expect(() => addExchangeType(type)).toThrow("exchange type 'topic' is built in");
    expect(exchangeType('topic')).not.toBe(type);
  });
});
