// Patterns over names: PCRE's way of writing, what JavaScript cannot do, and patterns that would
// never end.
import { beforeAll, describe, expect, it } from 'vitest';
import { boundBacktracking, compileNamePattern } from '../../../src/base/name-pattern.ts';

function matches(pattern: string, name: string): boolean {
  const compiled = compileNamePattern(pattern);
  expect(compiled).toBeInstanceOf(RegExp);
  return (compiled as RegExp).test(name);
}

describe('a pattern over names', () => {
  it.each([
    ['', 'anything', true],
    ['order', 'my-orders', true],
    ['^order', 'my-orders', false],
    ['^amq\\.', 'amq.gen-1', true],
    ['a\\-b\\_c\\@', 'a-b_c@', true],
    ['(?i)^orders$', 'ORDERS', true],
    ['(?im)^a', 'b\nA', true],
    ['\\Aa\\z', 'a', true],
    ['\\Aa', 'ba', false],
    ['a\\z', 'ab', false],
    ['a\\Z', 'a\n', true],
    ['^[[:alpha:]_]+$', 'a_b', true],
    ['^[[:digit:]]+$', 'a', false],
    ['^\\Qa.b\\E.$', 'a.bc', true],
    ['^\\Qa.b', 'axb', false],
    ['(?P<kind>a|b)-\\k<kind>', 'b-b', true],
    ['\\h', 'a b', true],
    ['^(?!amq\\.).*', 'amq.gen', false],
    ['ä.', 'ää', true],
    ['[0-9]{2,}', 'a12', true],
    ['^[]x]+$', ']x', true],
    ['^[^]]$', ']', false],
    ['^[a[b]$', '[', true],
    ['^[a\\]b]$', ']', true],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  it.each([
    ['(', /unterminated group/iu],
    ['*a', /nothing to repeat/iu],
    ['a++', /nothing to repeat/iu],
    ['[b-a]', /range out of order/iu],
    ['\\Ka', /^\\K is not supported$/u],
    ['\\R', /^\\R is not supported$/u],
    ['[[:nothing:]]', /^unknown POSIX class nothing$/u],
    ['[[:^alpha:]]', /^unknown POSIX class alpha$/u],
    ['(?x)a b', /invalid group/iu],
  ])('%s is none', (pattern, problem) => {
    expect(compileNamePattern(pattern)).toMatch(problem);
  });
});

describe('a pattern that backtracks without end', () => {
  beforeAll(boundBacktracking);

  // Without the bound these take longer than the sun will shine.
  it.each(['^(a+)+$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(a|a)*b'])('%s ends', (pattern) => {
    expect(matches(pattern, `${'a'.repeat(250)}!`)).toBe(false);
  });
});
