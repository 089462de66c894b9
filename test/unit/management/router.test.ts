// Paths to routes: names of queues can hold any character, so decoding comes after splitting.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HttpRefusal } from '../../../src/management/http-refusal.ts';
import { Router } from '../../../src/management/router.ts';

const router = new Router([
  { pattern: '/api/queues' },
  { pattern: '/api/queues/detailed' },
  { pattern: '/api/queues/:vhost' },
  { pattern: '/api/queues/:vhost/:name' },
  { pattern: '/api/queues/:vhost/:name/bindings' },
  { pattern: '/metrics' },
]);

function found(path: string): unknown {
  const match = router.match(path);
  return match && [match.route.pattern, match.parameters];
}

describe('match', () => {
  it.each([
    ['/api/queues', '/api/queues', {}],
    ['/api/queues/', '/api/queues', {}],
    ['/metrics', '/metrics', {}],
    ['/api/queues/%2F', '/api/queues/:vhost', { vhost: '/' }],
    ['/api/queues/%2f/', '/api/queues/:vhost', { vhost: '/' }],
    ['/api/queues/%2F/a%2Fb', '/api/queues/:vhost/:name', { vhost: '/', name: 'a/b' }],
    ['/api/queues/v/n/bindings', '/api/queues/:vhost/:name/bindings', { vhost: 'v', name: 'n' }],
    ['/api/queues/v/%E2%82%AC', '/api/queues/:vhost/:name', { vhost: 'v', name: '€' }],
    ['/api/queues/v/a+b', '/api/queues/:vhost/:name', { vhost: 'v', name: 'a+b' }],
    ['/api/queues/v/..', '/api/queues/:vhost/:name', { vhost: 'v', name: '..' }],
    ['/api/queues/__proto__/x', '/api/queues/:vhost/:name', { vhost: '__proto__', name: 'x' }],
    ['/api/queues/%61', '/api/queues/:vhost', { vhost: 'a' }],
  ])('finds %s', (path, pattern, parameters) => {
    expect(found(path)).toEqual([pattern, parameters]);
  });

  it('takes the first pattern that matches', () => {
    expect(found('/api/queues/detailed')).toEqual(['/api/queues/detailed', {}]);
  });

  it.each(['', '/', '/api', '/api/nope', '/API/queues', '/api//queues', '//api/queues'])(
    'finds nothing at %j',
    (path) => expect(found(path)).toBeUndefined(),
  );

  it.each(['/api/queues//x', '/api/queues/v//', '/api/queues/v/n/bindings/x'])(
    'takes no empty parameter and no rest: %s',
    (path) => expect(found(path)).toBeUndefined(),
  );

  it.each(['/api/queues/%', '/api/queues/%zz', '/%ff', '/api/queues/%C3'])(
    'refuses %s, which is no text',
    (path) => {
      expect(() => router.match(path)).toThrow(HttpRefusal);
      expect(() => router.match(path)).toThrow(/^400 /u);
    },
  );

  it('gives back any names that were escaped', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(name, name, (vhost, queue) => {
        const path = `/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(queue)}`;
        expect(found(path)).toEqual(['/api/queues/:vhost/:name', { vhost, name: queue }]);
      }),
    );
  });
});
