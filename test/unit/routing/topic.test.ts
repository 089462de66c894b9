// Topic exchange: tables of (binding keys, routing key, who gets it), and the trie against a naive
// matcher on random keys.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Binding, ExchangeNode, QueueNode } from '../../../src/routing/topology-node.ts';
import { TopicMatcher } from '../../../src/routing/exchange/topic.ts';
import { bindingSpec, exchangeSpec, queueSpec, VhostFixture } from './vhost-fixture.ts';

/** A topic exchange `t` with one queue per binding key, named like the key. */
function topicWith(...keys: readonly string[]): VhostFixture {
  const vhost = new VhostFixture().exchange('t', 'topic');
  for (const key of keys) vhost.queue(`<${key}>`).bind('t', `<${key}>`, key);
  return vhost;
}

function matchesNaively(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') {
    return words.length === 0
      ? matchesNaively(rest, words)
      : matchesNaively(rest, words) || matchesNaively(pattern, words.slice(1));
  }
  if (words.length === 0 || (first !== '*' && first !== words[0])) return false;
  return matchesNaively(rest, words.slice(1));
}

const naiveWords = (key: string) => (key === '' ? [] : key.split('.'));

describe('a topic binding key', () => {
  it.each([
    // Literal words, as in the direct exchange.
    ['rk1', ['rk1'], ['rk2', '', 'rk1.rk1', 'rk1.']],
    ['rk63.rk63', ['rk63.rk63'], ['rk63']],
    ['a.b.c', ['a.b.c'], ['a.b', 'a.b.c.d', 'A.b.c']],
    // One star, one word, which may be empty between dots, but the empty key has no word at all.
    ['*', ['rk2', '*', '#'], ['rk2.a', '', '.']],
    ['*.test', ['rk2.test', '.test'], ['test', 'a.b.test']],
    ['a.*', ['a.b', 'a.'], ['b.c', 'a', 'a.b.c']],
    ['c.*.d', ['c.a.d', 'c..d'], ['c.d', 'c.a.b.d']],
    ['c.*.*', ['c.a.d', 'c..'], ['c.a', 'c.a.d.e']],
    ['c.*.*.*', ['c.a.d.e'], ['c.a.d']],
    // Hash, zero or more words.
    ['#', ['', 'a', 'a.b.c', '.', '...'], []],
    ['d.#', ['d', 'd.a.d', 'd.'], ['a', 'a.d', '']],
    ['#.a', ['a', 'a.a.a', '.a'], ['a.a.b', '']],
    ['#.a.a.a', ['a.a.a', 'a.a.a.a'], ['a.a.b.a.a', 'a.a']],
    ['#.a.b.c', ['a.a.a.a.b.c'], ['a.b.c.a']],
    ['a.#.d', ['a.d', 'a.b.d', 'a.b.c.d', 'a..d', 'a.d.d'], ['a', 'd', 'a.d.e']],
    // Both.
    ['#.*.d', ['a.a.d', 'a.d'], ['a.d.a', 'd']],
    ['#.*', ['a', 'a.b', '.'], ['']],
    ['*.#', ['a', 'a.b.c'], ['']],
    ['#.*.#', ['a', 'a.b.c'], ['']],
    ['a.*.c.#', ['a.b.c', 'a.b.c.d', 'a.b.c.d.e'], ['a.c', 'a.b.d']],
    ['#.a.#', ['a', 'b.b.a.b.b', 'a.a'], ['b', '']],
    ['#.#', ['', 'a', 'a.b'], []],
    // Empty words are words; the empty binding key has none.
    ['', [''], ['.', 'a', 'a.']],
    ['.', ['.'], ['', '..', 'a.b']],
    ['.#', ['.0.a', '.', '.a'], ['a', '']],
    ['.*', ['.0', '.'], ['.0.a', '']],
    ['..', ['..'], ['.', '...']],
    // Wildcards only stand alone, and words are whatever lies between dots.
    ['a*.b#', ['a*.b#'], ['ax.b', 'a.b.c']],
    ['传感器.*.📊', ['传感器.температура.📊'], ['传感器.📊']],
    ['constructor.__proto__', ['constructor.__proto__'], ['constructor', '__proto__']],
  ])('%j matches %j and not %j', (pattern, matching, others) => {
    const vhost = topicWith(pattern);
    for (const key of matching)
      expect([key, vhost.route('t', key)]).toEqual([key, [`<${pattern}>`]]);
    for (const key of others) expect([key, vhost.route('t', key)]).toEqual([key, []]);
  });

  it('is found beside all others that match', () => {
    const vhost = topicWith('a.b', 'a.b.#', 'a.b.c', 'a.b.*', 'a.b.d', 'a.*.*', 'a.*.#', '*.b.c');
    const abc = ['<a.b.#>', '<a.b.c>', '<a.b.*>', '<a.*.*>', '<a.*.#>', '<*.b.c>'].sort();
    expect(vhost.route('t', 'a.b.c')).toEqual(abc);
    expect(vhost.route('t', 'a.b')).toEqual(['<a.b>', '<a.b.#>', '<a.*.#>'].sort());
  });

  it('with very many hashes costs no more than nodes times words', () => {
    const pattern = Array.from({ length: 60 }, () => '#.a').join('.');
    const vhost = topicWith(pattern, `${pattern}.z`);
    const key = Array.from({ length: 120 }, () => 'a').join('.');
    // A backtracking matcher would try some 2^100 ways before it gives up on the second one.
    expect(vhost.route('t', key)).toEqual([`<${pattern}>`]);
  });

  it('matches like a naive matcher does', () => {
    const word = fc.constantFrom('a', 'b', '', '*', '#');
    const patterns = fc.array(fc.array(word, { maxLength: 6 }), { minLength: 1, maxLength: 8 });
    const key = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 7 });
    fc.assert(
      fc.property(patterns, key, fc.nat(), (patternWords, keyWords, removedSeed) => {
        const bound = [...new Set(patternWords.map((words) => words.join('.')))];
        const vhost = topicWith(...bound);
        const check = (keys: readonly string[]) => {
          const routingKey = keyWords.join('.');
          const matching = keys.filter((k) =>
            matchesNaively(naiveWords(k), naiveWords(routingKey)),
          );
          expect(vhost.route('t', routingKey)).toEqual(matching.map((k) => `<${k}>`).sort());
        };
        check(bound);
        const removed = bound[removedSeed % bound.length];
        vhost.unbind('t', `<${removed}>`, removed);
        check(bound.filter((k) => k !== removed));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the topic trie', () => {
  it('is as new when all bindings are gone, in whatever order they go', () => {
    const word = fc.constantFrom('a', 'b', '', '*', '#');
    const keys = fc.array(fc.array(word, { maxLength: 5 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(keys, fc.nat(), (words, seed) => {
        const matcher = new TopicMatcher();
        const source = new ExchangeNode(exchangeSpec('t', 'topic'), matcher);
        const queue = new QueueNode(queueSpec('q', 1));
        const bindings = words.map(
          (key) => new Binding(bindingSpec('t', 'q', key.join('.')), source, queue),
        );
        for (const binding of bindings) matcher.bind(binding);
        expect(matcher).not.toEqual(new TopicMatcher());
        const at = seed % bindings.length;
        for (const binding of [...bindings.slice(at), ...bindings.slice(0, at)]) {
          matcher.unbind(binding);
        }
        expect(matcher).toEqual(new TopicMatcher());
      }),
      { numRuns: 300 },
    );
  });

  it('is not changed by taking away what was never bound', () => {
    const matcher = new TopicMatcher();
    const source = new ExchangeNode(exchangeSpec('t', 'topic'), matcher);
    const queue = new QueueNode(queueSpec('q', 1));
    matcher.unbind(new Binding(bindingSpec('t', 'q', 'never.bound'), source, queue));
    expect(matcher).toEqual(new TopicMatcher());
  });
});
