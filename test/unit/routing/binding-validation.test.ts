// What the control plane refuses before it binds, with RabbitMQ's texts.
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import { Double } from '../../../src/protocol/field-table.ts';
import {
  validateBinding,
  validateHeadersBinding,
  validateTopicBinding,
} from '../../../src/routing/binding-validation.ts';
import { isKnownExchangeType, knownExchangeTypes } from '../../../src/routing/exchange-types.ts';

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

describe('validateBinding', () => {
  it('checks what the type of the source asks for', () => {
    const bad = { 'x-match': 'bogus' };
    expect(validateBinding('headers', '#.#.#', bad)).toContain('x-match');
    expect(validateBinding('topic', '#.#.#', bad)).toContain('wildcards');
    expect(validateBinding('direct', '#.#.#', bad)).toBeUndefined();
    expect(validateBinding('fanout', '#.#.#', bad)).toBeUndefined();
  });
});

describe('the registry of exchange types', () => {
  it('knows the four of the specification', () => {
    expect(knownExchangeTypes()).toEqual(['direct', 'fanout', 'headers', 'topic']);
    expect(knownExchangeTypes().every(isKnownExchangeType)).toBe(true);
    expect(['', 'Direct', 'x-unknown', 'constructor'].some(isKnownExchangeType)).toBe(false);
  });
});
