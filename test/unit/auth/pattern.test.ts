// Permission patterns: PCRE as RabbitMQ takes it, in JavaScript.
import { describe, expect, it } from 'vitest';
import { Pattern, patternProblem } from '../../../src/auth/pattern.ts';

describe('a pattern', () => {
  it.each<[string, string, boolean]>([
    ['', '', true],
    ['', 'x', false],
    ['.*', 'anything', true],
    ['b', 'abc', true],
    ['^b', 'abc', false],
    ['^(amq\\.gen.*|amq\\.default)$', 'amq.gen-x', true],
    ['^(amq\\.gen.*|amq\\.default)$', 'amqxdefault', false],
    ['(?i)^AB', 'abc', true],
    ['^AB', 'abc', false],
    ['\\Aab\\z', 'ab', true],
    ['\\Aab\\z', 'abc', false],
    ['^\\Qa.b\\E$', 'a.b', true],
    ['^\\Qa.b\\E$', 'axb', false],
    ['^(?P<n>a)\\k<n>$', 'aa', true],
    ['^a(?#comment)b$', 'ab', true],
    ['^[[:digit:]x]+$', '5x', true],
    ['^[[:digit:]x]+$', 'd', false],
    ['^[^[:alpha:]]$', 'a', false],
    ['^[]x]+$', ']x', true],
    ['^[^]]$', ']', false],
    ['^[a[b]$', '[', true],
    ['^[a\\]b]$', ']', true],
    ['^x{2}$', 'xx', true],
    ['^{client_id}$', '{client_id}', true],
    ['^ä$', 'ä', true],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(new Pattern(pattern).matches(name)).toBe(expected);
    expect(patternProblem(pattern)).toBeUndefined();
  });

  it.each(['(', 'a++', '(?>a)', '[a', '[:alpha:]', 'a'.repeat(5000)])(
    'that cannot be used matches nothing and has a problem: %.10s',
    (pattern) => {
      expect(new Pattern(pattern).matches('a')).toBe(false);
      expect(patternProblem(pattern)).toBeDefined();
    },
  );

  it.each([
    ['.*', true],
    ['^.*$', true],
    ['', false],
    ['.+', false],
  ])('%s is everything: %s', (pattern, expected) => {
    expect(new Pattern(pattern).isEverything).toBe(expected);
  });
});
