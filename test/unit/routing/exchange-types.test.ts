// Direct, fanout and default exchange: who gets what, and what is left when bindings go.
import { describe, expect, it } from 'vitest';
import type { FieldTable } from '../../../src/protocol/field-table.ts';
import { DirectMatcher } from '../../../src/routing/exchange/direct.ts';
import { FanoutMatcher } from '../../../src/routing/exchange/fanout.ts';
import { Binding, ExchangeNode, QueueNode } from '../../../src/routing/topology-node.ts';
import { bindingSpec, exchangeSpec, queueSpec, VhostFixture } from './vhost-fixture.ts';

type BoundAs = [routingKey: string, args: FieldTable];

describe('the direct exchange', () => {
  it('compares keys exactly', () => {
    const vhost = new VhostFixture().exchange('d', 'direct').queue('q1', 'q2', 'q3');
    vhost.bind('d', 'q1', 'a').bind('d', 'q2', 'a').bind('d', 'q2', 'b').bind('d', 'q3', '');
    const table: readonly [string, string[]][] = [
      ['a', ['q1', 'q2']],
      ['b', ['q2']],
      ['', ['q3']],
      ['A', []],
      ['a.b', []],
      ['#', []],
      ['*', []],
      ['q1', []],
    ];
    for (const [key, queues] of table) expect([key, vhost.route('d', key)]).toEqual([key, queues]);
  });
});

describe('the fanout exchange', () => {
  it('ignores keys', () => {
    const vhost = new VhostFixture().exchange('f', 'fanout').queue('q1', 'q2', 'q3');
    vhost.bind('f', 'q1', 'q1').bind('f', 'q2', 'x');
    expect(vhost.route('f', 'q1')).toEqual(['q1', 'q2']);
    expect(vhost.route('f', '')).toEqual(['q1', 'q2']);
  });
});

describe('the default exchange', () => {
  it('leads to every queue by its name, and only while there is one', () => {
    const vhost = new VhostFixture().queue('q1', 'q2');
    expect(vhost.route('', 'q1')).toEqual(['q1']);
    expect(vhost.route('', 'q')).toEqual([]);
    expect(vhost.resolution.status).toBe('routed');
    vhost.deleteQueue('q1');
    expect(vhost.route('', 'q1')).toEqual([]);
  });

  it('is declared from the start, and may be declared again', () => {
    const vhost = new VhostFixture();
    expect(vhost.routes.exchange('')).toMatchObject({ name: '', type: 'direct', durable: true });
    vhost.exchange('', 'direct').queue('q');
    expect(vhost.route('', 'q')).toEqual(['q']);
  });

  it('takes no bindings', () => {
    const vhost = new VhostFixture().queue('q');
    expect(() => vhost.bind('', 'q', 'k')).toThrow('default exchange');
  });
});

describe('a destination bound twice', () => {
  it.each<[string, string, BoundAs, BoundAs]>([
    ['direct', 'k', ['k', { a: 1 }], ['k', { a: 2 }]],
    ['fanout', '', ['k1', {}], ['k2', {}]],
    ['fanout', '', ['k', { a: 1 }], ['k', { a: 2 }]],
    ['topic', 'a.b', ['a.*', {}], ['a.#', {}]],
    ['topic', 'a.b', ['a.b', { a: 1 }], ['a.b', {}]],
    ['headers', '', ['k1', {}], ['k2', {}]],
  ])('to a %s exchange stays until both bindings are gone', (type, key, first, second) => {
    const vhost = new VhostFixture().exchange('x', type).queue('q');
    vhost.bind('x', 'q', ...first).bind('x', 'q', ...second);
    expect(vhost.route('x', key)).toEqual(['q']);
    vhost.unbind('x', 'q', ...first);
    expect(vhost.route('x', key)).toEqual(['q']);
    vhost.unbind('x', 'q', ...second);
    expect(vhost.route('x', key)).toEqual([]);
  });
});

describe('a matcher', () => {
  it.each([DirectMatcher, FanoutMatcher])('%o is as new when all bindings are gone', (Matcher) => {
    const matcher = new Matcher();
    const source = new ExchangeNode(exchangeSpec('x', 'any'), matcher);
    const queues = [1, 2, 3].map((id) => new QueueNode(queueSpec(`q${id}`, id)));
    const bindings = ['', 'a', 'b'].flatMap((key) =>
      queues.map((queue) => new Binding(bindingSpec('x', queue.spec.name, key), source, queue)),
    );
    for (const binding of bindings) matcher.bind(binding);
    expect(matcher).not.toEqual(new Matcher());
    for (const binding of bindings.reverse()) matcher.unbind(binding);
    expect(matcher).toEqual(new Matcher());
    matcher.unbind(bindings[0]);
    expect(matcher).toEqual(new Matcher());
  });
});

describe('an exchange of a type that nobody knows', () => {
  it('stays, with its bindings, and routes nothing until somebody does', () => {
    const vhost = new VhostFixture().exchange('x', 'x-unknown').exchange('f', 'fanout').queue('q');
    vhost.bind('x', 'q').bindExchange('f', 'x').bind('f', 'q');
    expect(vhost.route('x', 'k')).toEqual([]);
    expect(vhost.resolution.status).toBe('no-type');
    expect(vhost.route('f', 'k')).toEqual(['q']);
    expect(vhost.resolution.status).toBe('routed');
    vhost.unbind('x', 'q').deleteExchange('x');
    expect(vhost.routes.exchange('x')).toBeUndefined();
  });

  it('is refused as internal if it is that too', () => {
    const vhost = new VhostFixture().exchange('x', 'x-unknown', { internal: true });
    vhost.route('x', 'k');
    expect(vhost.resolution.status).toBe('internal');
  });
});
