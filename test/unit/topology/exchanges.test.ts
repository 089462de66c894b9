// exchange.declare and exchange.delete: codes and texts as a RabbitMQ 3.10.8 gave them, except for
// an unknown type, where 4.x answers 406 instead of 503.
import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/topology/command.ts';
import {
  accepted,
  args,
  binding,
  deleteExchange,
  exchange,
  queue,
  refused,
  topologyWith,
  toExchange,
  words,
} from './commanding.ts';

const withX = () =>
  topologyWith(
    exchange('x'),
    exchange('xae', args({ 'alternate-exchange': 'y' })),
    queue('q'),
    binding('bind', 'x', 'q'),
  );

const UNKNOWN_TYPE =
  "406 unknown exchange type 'nope' (known: direct, fanout, headers, topic, x-consistent-hash, " +
  'x-delayed-message, x-local-random, x-modulus-hash, x-random, x-recent-history)';
const DEFAULT_REFUSED = '403 operation not permitted on the default exchange';

describe('refused declarations', () => {
  it.each<[string, Command, string]>([
    [
      'another type',
      exchange('x', { type: 'fanout' }),
      "406 inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'",
    ],
    [
      'other durability',
      exchange('x', { durable: false }),
      "406 inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'",
    ],
    [
      'other auto-delete',
      exchange('x', { autoDelete: true }),
      "406 inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
    ],
    [
      'other internal',
      exchange('x', { internal: true }),
      "406 inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'",
    ],
    [
      'an alternate exchange where there is none',
      exchange('x', args({ 'alternate-exchange': 'y' })),
      "406 inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received the value 'y' of type 'longstr' but current is none",
    ],
    [
      'no alternate exchange where there is one',
      exchange('xae'),
      "406 inequivalent arg 'alternate-exchange' for exchange 'xae' in vhost '/': received none but current is the value 'y' of type 'longstr'",
    ],
    [
      'another alternate exchange',
      exchange('xae', args({ 'alternate-exchange': 'z' })),
      "406 inequivalent arg 'alternate-exchange' for exchange 'xae' in vhost '/': received 'z' but current is 'y'",
    ],
    [
      'an alternate exchange of a wrong type on an existing exchange',
      exchange('x', args({ 'alternate-exchange': 5 })),
      "406 inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received the value '5' of type 'signedint' but current is none",
    ],
    [
      'an alternate exchange of a wrong type on a new exchange',
      exchange('new', args({ 'alternate-exchange': { a: 1 } })),
      "406 invalid type 'table' for arg 'alternate-exchange' in exchange 'new' in vhost '/'",
    ],
    ['an unknown type', exchange('new', { type: 'nope' }), UNKNOWN_TYPE],
    ['an unknown type, before the default exchange', exchange('', { type: 'nope' }), UNKNOWN_TYPE],
    [
      'a reserved name',
      exchange('amq.foo'),
      "403 exchange name 'amq.foo' contains reserved prefix 'amq.*'",
    ],
    [
      'a predeclared exchange of another type',
      exchange('amq.direct', { type: 'topic' }),
      "406 inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'topic' but current is 'direct'",
    ],
    ['the default exchange', exchange(''), DEFAULT_REFUSED],
    ['a name of nothing but line breaks', exchange('\r\n'), DEFAULT_REFUSED],
    [
      'a name over 255 bytes',
      exchange('é'.repeat(128)),
      '406 invalid exchange name: expected 1 to 255 bytes, received 256',
    ],
    ['an unknown vhost', exchange('x', { vhost: 'nope' }), '530 vhost nope not found'],
  ])('%s', (_, command, expected) => {
    expect(refused(withX(), command)).toBe(expected);
  });
});

describe('accepted declarations', () => {
  it('adds a new exchange as declared, without line breaks in its name', () => {
    const topology = withX();
    const command = exchange('a\r\nb', { type: 'topic', durable: false, internal: true });
    expect(accepted(topology, command)).toEqual([
      {
        kind: 'exchange-declared',
        vhost: '/',
        exchange: {
          name: 'ab',
          type: 'topic',
          durable: false,
          autoDelete: false,
          internal: true,
          arguments: {},
        },
      },
    ]);
    expect([...topology.exchanges('/')].map(({ name }) => name)).toContain('ab');
  });

  it.each<[string, Command]>([
    ['an equivalent one', exchange('x')],
    ['other arguments than the compared one', exchange('x', args({ foo: 1 }))],
    ['the same alternate exchange', exchange('xae', args({ 'alternate-exchange': 'y' }))],
    ['a predeclared one', exchange('amq.direct')],
    ['the trace exchange', exchange('amq.rabbitmq.trace', { type: 'topic', internal: true })],
  ])('redeclaring %s changes nothing', (_, command) => {
    expect(accepted(withX(), command)).toEqual([]);
  });
});

describe('deletion', () => {
  it.each<[string, Command, string]>([
    ['the default exchange', deleteExchange(''), DEFAULT_REFUSED],
    [
      'a predeclared exchange',
      deleteExchange('amq.direct'),
      "403 deletion of system exchange 'amq.direct' in vhost '/' not allowed",
    ],
    [
      'a reserved name that does not exist',
      deleteExchange('amq.missing'),
      "403 deletion of system exchange 'amq.missing' in vhost '/' not allowed",
    ],
    [
      'a used exchange, if-unused',
      deleteExchange('x', true),
      "406 exchange 'x' in vhost '/' in use",
    ],
  ])('refuses %s', (_, command, expected) => {
    expect(refused(withX(), command)).toBe(expected);
  });

  it('removes the exchange and its bindings without telling of these', () => {
    const topology = withX();
    expect(words(accepted(topology, deleteExchange('x')))).toEqual(['exchange-deleted x']);
    expect([...topology.bindings('/')]).toEqual([]);
  });

  it('is no use to be a destination: if-unused deletes', () => {
    const topology = topologyWith(
      exchange('from'),
      exchange('to'),
      binding('bind', 'from', 'to', toExchange),
    );
    expect(words(accepted(topology, deleteExchange('to', true)))).toEqual(['exchange-deleted to']);
    expect([...topology.bindings('/')]).toEqual([]);
  });

  it('of a missing exchange changes nothing', () => {
    expect(accepted(withX(), deleteExchange('missing'))).toEqual([]);
  });
});
