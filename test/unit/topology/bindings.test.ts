// Binding and unbinding: codes, texts and the order of checks as a RabbitMQ 3.10.8 gave them.
import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/topology/command.ts';
import {
  accepted,
  args,
  binding,
  exchange,
  queue,
  refused,
  topologyWith,
  toExchange,
  words,
} from './commanding.ts';

const OWNER = 7;
const own = { connectionId: OWNER };
const badMatch = args({ 'x-match': 'some' });
const DEFAULT_REFUSED = '403 operation not permitted on the default exchange';
const REPLY_TO_REFUSED = '403 cannot bind or unbind to a volatile (direct reply-to) queue';
const LOCKED =
  "405 cannot obtain exclusive access to locked queue 'eq' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.";

const withEnds = () =>
  topologyWith(
    exchange('x'),
    exchange('y', { type: 'fanout' }),
    exchange('h', { type: 'headers' }),
    exchange('t', { type: 'topic' }),
    queue('q'),
    queue('eq', { exclusive: true, ...own }),
    binding('bind', 'x', 'eq', own),
  );

describe('refused', () => {
  it.each<[string, Command, string]>([
    ['a missing source', binding('bind', 'nox', 'q'), "404 no exchange 'nox' in vhost '/'"],
    ['a missing queue', binding('bind', 'x', 'noq'), "404 no queue 'noq' in vhost '/'"],
    ['both missing', binding('bind', 'nox', 'noq'), "404 no exchange 'nox' in vhost '/'"],
    [
      'a missing destination exchange',
      binding('bind', 'x', 'nox', toExchange),
      "404 no exchange 'nox' in vhost '/'",
    ],
    [
      'a queue named as exchange',
      binding('bind', 'x', 'q', toExchange),
      "404 no exchange 'q' in vhost '/'",
    ],
    ['the default exchange as source', binding('bind', '', 'noq'), DEFAULT_REFUSED],
    ['the default exchange as destination', binding('bind', 'x', '', toExchange), DEFAULT_REFUSED],
    ['unbinding from the default exchange', binding('unbind', '', 'q'), DEFAULT_REFUSED],
    ['a reply-to pseudo-queue', binding('bind', 'x', 'amq.rabbitmq.reply-to'), REPLY_TO_REFUSED],
    ["another connection's exclusive queue", binding('bind', 'y', 'eq'), LOCKED],
    ['the same, though it is bound already', binding('bind', 'x', 'eq'), LOCKED],
    ['unbinding it', binding('unbind', 'x', 'eq'), LOCKED],
    [
      'bad headers arguments, before the lock',
      binding('bind', 'h', 'eq', badMatch),
      '406 Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x',
    ],
    [
      'too many topic wildcards',
      binding('bind', 't', 'q', { routingKey: '#.#.#' }),
      "406 Topic binding key '#.#.#' uses 3 '#' wildcards, at most 2 are allowed",
    ],
    ['an unknown vhost', binding('bind', 'x', 'q', { vhost: 'nope' }), '530 vhost nope not found'],
  ])('%s', (_, command, expected) => {
    expect(refused(withEnds(), command)).toBe(expected);
  });
});

describe('accepted', () => {
  it('binds a queue', () => {
    const topology = withEnds();
    const options = { routingKey: 'a.b', ...args({ n: 1 }) };
    const spec = { source: 'h', destination: 'q', destinationKind: 'queue', ...options };
    expect(accepted(topology, binding('bind', 'h\n', 'q\r', options))).toEqual([
      { kind: 'bound', vhost: '/', binding: spec, durable: true },
    ]);
    expect([...topology.bindingsFrom('/', 'h')]).toEqual([spec]);
    expect([...topology.bindingsTo('/', 'queue', 'q')]).toEqual([spec]);
    expect([...topology.bindingsTo('/', 'exchange', 'q')]).toEqual([]);
  });

  it('binds an exchange, also to itself', () => {
    const topology = withEnds();
    expect(words(accepted(topology, binding('bind', 'x', 'y', toExchange)))).toEqual([
      'bound x -> y',
    ]);
    expect(words(accepted(topology, binding('bind', 'x', 'x', toExchange)))).toEqual([
      'bound x -> x',
    ]);
  });

  it.each<[string, Command, number]>([
    ['the same', binding('bind', 'x', 'q', args({ a: 1, b: 'c' })), 0],
    ['the arguments in another order', binding('bind', 'x', 'q', args({ b: 'c', a: 1 })), 0],
    ['another key', binding('bind', 'x', 'q', { routingKey: 'k2', ...args({ a: 1, b: 'c' }) }), 1],
    ['another argument', binding('bind', 'x', 'q', args({ a: 2, b: 'c' })), 1],
    ['no arguments', binding('bind', 'x', 'q'), 1],
  ])('binding again: %s', (_, command, changeCount) => {
    const topology = withEnds();
    accepted(topology, binding('bind', 'x', 'q', args({ a: 1, b: 'c' })));
    expect(accepted(topology, command)).toHaveLength(changeCount);
  });

  it('unbinds exactly the binding named', () => {
    const topology = withEnds();
    accepted(topology, binding('bind', 'x', 'q', { routingKey: 'k1' }));
    accepted(topology, binding('bind', 'x', 'q', { routingKey: 'k2' }));
    const unbind = binding('unbind', 'x', 'q', { routingKey: 'k1' });
    expect(words(accepted(topology, unbind))).toEqual(['unbound x -> q']);
    expect([...topology.bindingsTo('/', 'queue', 'q')].map((b) => b.routingKey)).toEqual(['k2']);
    expect(accepted(topology, unbind)).toEqual([]);
  });

  it.each<[string, Command]>([
    ['a missing exchange', binding('unbind', 'nox', 'q')],
    ['a missing queue', binding('unbind', 'x', 'noq')],
    ['two missing exchanges', binding('unbind', 'nox', 'noy', toExchange)],
    ['a missing binding', binding('unbind', 'x', 'q')],
    ['a missing binding of a locked queue', binding('unbind', 'y', 'eq')],
    ['arguments that could not be bound', binding('unbind', 'h', 'q', badMatch)],
  ])('unbinding %s is nothing to do', (_, command) => {
    expect(accepted(withEnds(), command)).toEqual([]);
  });
});
