// Permission patterns: unanchored, empty means nothing, and one that cannot be used matches nothing.
// How PCRE is taken is tested in test/unit/base/name-pattern.test.ts.
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
    ['^a\\-b$', 'a-b', true],
    ['^{client_id}$', '{client_id}', true],
  ])('%s on %s: %s', (pattern, name, expected) => {
    expect(new Pattern(pattern).matches(name)).toBe(expected);
    expect(patternProblem(pattern)).toBeUndefined();
  });

  it.each(['(', 'a++', '(?>a)', '[a', 'a'.repeat(65 * 1024)])(
    'that cannot be used matches nothing and has a problem: %.10s',
    (pattern) => {
      expect(new Pattern(pattern).matches('a')).toBe(false);
      expect(patternProblem(pattern)).toBeDefined();
    },
  );

  it('may list a thousand names', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `queue-${index}`);
    expect(new Pattern(`^(${names.join('|')})$`).matches('queue-999')).toBe(true);
  });

  it.each([
    ['.*', true],
    ['^.*$', true],
    ['', false],
    ['.+', false],
  ])('%s is everything: %s', (pattern, expected) => {
    expect(new Pattern(pattern).isEverything).toBe(expected);
  });
});
