// Test thread. Which queues a message reaches (specification 3.1.3; RabbitMQ:
// rabbit_exchange_type_*, docs/e2e, docs/ae): the four exchange types, the default exchange,
// exchange-to-exchange bindings, alternate exchanges.
import { beforeEach, describe, expect, test } from 'vitest';
import { useBroker } from '../support/broker.ts';
import type { RawChannel } from '../support/raw-channel.ts';
import { uniqueName } from '../support/unique-name.ts';
import { type FieldTable, typed } from '../support/wire/field-values.ts';
import { channelRefusal } from './refusal-shapes.ts';

const broker = useBroker();
let channel: RawChannel;

beforeEach(async () => {
  channel = await broker.channel();
});

async function declareExchange(type: string, args: FieldTable = {}): Promise<string> {
  const exchange = uniqueName(type);
  await channel.call('exchange.declare', { exchange, type, arguments: args });
  return exchange;
}

async function boundQueue(
  exchange: string,
  routingKey = '',
  args: FieldTable = {},
): Promise<string> {
  const queue = await channel.exclusiveQueue();
  await channel.call('queue.bind', { queue, exchange, routingKey, arguments: args });
  return queue;
}

describe('the default exchange', () => {
  test('routes by queue name', async () => {
    const [one, two] = [await channel.exclusiveQueue(), await channel.exclusiveQueue()];
    channel.publish({ routingKey: two }, 'for two');
    expect(await channel.drain(two)).toEqual(['for two']);
    expect(await channel.drain(one)).toEqual([]);
  });

  test.each(['queue.bind', 'queue.unbind'] as const)('%s is refused with 403', async (name) => {
    const queue = await channel.exclusiveQueue();
    const refusal = await channel.refused(name, { queue, exchange: '', routingKey: 'k' });
    expect(refusal).toEqual(channelRefusal(403, 'operation not permitted on the default exchange'));
  });

  test.each([
    ['source', { source: '', destination: 'amq.fanout' }],
    ['destination', { source: 'amq.fanout', destination: '' }],
  ])('exchange.bind with it as %s is refused with 403', async (_, binding) => {
    expect(await channel.refused('exchange.bind', binding)).toEqual(channelRefusal(403));
  });
});

describe('a direct exchange', () => {
  test('routes to every queue bound with exactly the routing key', async () => {
    const exchange = await declareExchange('direct');
    const one = await boundQueue(exchange, 'a');
    const two = await boundQueue(exchange, 'a');
    const other = await boundQueue(exchange, 'A');
    const wild = await boundQueue(exchange, '#');
    for (const routingKey of ['a', 'b', 'a.b', '']) {
      channel.publish({ exchange, routingKey }, routingKey);
    }
    expect(await channel.drain(one)).toEqual(['a']);
    expect(await channel.drain(two)).toEqual(['a']);
    expect(await channel.drain(other)).toEqual([]);
    expect(await channel.drain(wild)).toEqual([]);
  });

  test('routes an empty routing key and one of 255 bytes', async () => {
    const exchange = await declareExchange('direct');
    const long = 'ü'.repeat(127).padEnd(128, 'x');
    const queue = await boundQueue(exchange, '');
    await channel.call('queue.bind', { queue, exchange, routingKey: long });
    channel.publish({ exchange, routingKey: '' }, 'empty');
    channel.publish({ exchange, routingKey: long }, 'long');
    expect(await channel.drain(queue)).toEqual(['empty', 'long']);
  });

  test('delivers one copy to a queue bound twice with keys that match', async () => {
    const exchange = await declareExchange('direct');
    const queue = await boundQueue(exchange, 'a');
    await channel.call('queue.bind', { queue, exchange, routingKey: 'a', arguments: { n: 1 } });
    await channel.call('queue.bind', { queue, exchange, routingKey: 'a' });
    channel.publish({ exchange, routingKey: 'a' }, 'once');
    expect(await channel.drain(queue)).toEqual(['once']);
  });
});

describe('a fanout exchange', () => {
  test('routes to every queue, whatever the routing key', async () => {
    const exchange = await declareExchange('fanout');
    const queues = [await boundQueue(exchange, 'a'), await boundQueue(exchange)];
    channel.publish({ exchange, routingKey: 'b' }, 'all');
    for (const queue of queues) expect(await channel.drain(queue)).toEqual(['all']);
  });
});

describe('a topic exchange', () => {
  const KEYS = ['', 'a', 'b', 'a.b', 'a.b.c', 'b.a', 'a..c', '.', 'a.', '.a', 'A.b', 'a.b.c.d'];

  test.each([
    ['#', KEYS],
    ['*', ['a', 'b']],
    ['', ['']],
    ['a', ['a']],
    ['a.b', ['a.b']],
    ['a.*', ['a.b', 'a.']],
    ['*.b', ['a.b', 'A.b']],
    ['*.*', ['a.b', 'b.a', '.', 'a.', '.a', 'A.b']],
    ['*.*.*', ['a.b.c', 'a..c']],
    ['a.#', ['a', 'a.b', 'a.b.c', 'a..c', 'a.', 'a.b.c.d']],
    ['#.c', ['a.b.c', 'a..c']],
    ['a.#.c', ['a.b.c', 'a..c']],
    ['#.b.#', ['b', 'a.b', 'a.b.c', 'b.a', 'A.b', 'a.b.c.d']],
    ['a.*.#', ['a.b', 'a.b.c', 'a..c', 'a.', 'a.b.c.d']],
    ['#.*', KEYS.filter((key) => key !== '')],
    ['*.#', KEYS.filter((key) => key !== '')],
    ['a.*.*.d', ['a.b.c.d']],
    ['a.#.b.#.d', ['a.b.c.d']],
    ['#.#', KEYS],
    ['a*', []],
    ['a#', []],
  ])('routes to the binding key %j exactly the keys that match', async (pattern, expected) => {
    const exchange = await declareExchange('topic');
    const queue = await boundQueue(exchange, pattern);
    for (const routingKey of KEYS) channel.publish({ exchange, routingKey }, `<${routingKey}>`);
    const bodies = await channel.drain(queue);
    expect(bodies).toEqual(expected.map((key) => `<${key}>`));
  });

  test('delivers one copy to a queue whose binding keys match twice', async () => {
    const exchange = await declareExchange('topic');
    const queue = await boundQueue(exchange, 'a.#');
    for (const routingKey of ['*.b', '#', 'a.b']) {
      await channel.call('queue.bind', { queue, exchange, routingKey });
    }
    channel.publish({ exchange, routingKey: 'a.b' }, 'once');
    expect(await channel.drain(queue)).toEqual(['once']);
  });

  test('keeps the other bindings when one of overlapping patterns is removed', async () => {
    const exchange = await declareExchange('topic');
    const queue = await boundQueue(exchange, 'a.#');
    await channel.call('queue.bind', { queue, exchange, routingKey: 'a.*' });
    await channel.call('queue.unbind', { queue, exchange, routingKey: 'a.#' });
    for (const routingKey of ['a', 'a.b']) channel.publish({ exchange, routingKey }, routingKey);
    expect(await channel.drain(queue)).toEqual(['a.b']);
  });
});

describe('a headers exchange', () => {
  const MESSAGES: Readonly<Record<string, FieldTable>> = {
    none: {},
    a: { a: 'x' },
    b: { b: 2 },
    ab: { a: 'x', b: 2 },
    abc: { a: 'x', b: 2, c: true },
    other: { a: 'y', b: 3 },
    void: { a: null },
    xa: { 'x-a': 'x' },
  };

  test.each<[string, FieldTable, string[]]>([
    ['all (the default)', { a: 'x', b: 2 }, ['ab', 'abc']],
    ['all', { 'x-match': 'all', a: 'x', b: 2 }, ['ab', 'abc']],
    ['any', { 'x-match': 'any', a: 'x', b: 2 }, ['a', 'b', 'ab', 'abc']],
    ['a void value: the header is there', { a: null }, ['a', 'ab', 'abc', 'other', 'void']],
    ['another integer type of the same value', { b: typed('l', 2n) }, ['b', 'ab', 'abc']],
    ['another type', { b: '2' }, []],
    ['no arguments (all)', {}, Object.keys(MESSAGES)],
    ['no arguments (any)', { 'x-match': 'any' }, []],
    ['headers that start with x- are left out', { 'x-a': 'x', a: 'x' }, ['a', 'ab', 'abc']],
  ])('with %s routes the messages that match', async (_, args, expected) => {
    const exchange = await declareExchange('headers');
    const queue = await boundQueue(exchange, 'ignored', args);
    for (const [name, headers] of Object.entries(MESSAGES)) {
      channel.publish({ exchange, routingKey: '' }, name, { headers });
    }
    expect(await channel.drain(queue)).toEqual(expected);
  });

  test('routes a message without a headers table to a binding without arguments', async () => {
    const exchange = await declareExchange('headers');
    const queue = await boundQueue(exchange);
    channel.publish({ exchange, routingKey: '' }, 'bare');
    expect(await channel.drain(queue)).toEqual(['bare']);
  });

  test('refuses a binding with an unknown x-match with 406', async () => {
    const exchange = await declareExchange('headers');
    const queue = await channel.exclusiveQueue();
    const binding = { queue, exchange, arguments: { 'x-match': 'most' } };
    expect(await channel.refused('queue.bind', binding)).toEqual(channelRefusal(406));
  });

  test('removes only the binding whose arguments are the same', async () => {
    const exchange = await declareExchange('headers');
    const queue = await boundQueue(exchange, '', { a: 'x' });
    await channel.call('queue.bind', { queue, exchange, arguments: { b: 2 } });
    await channel.call('queue.unbind', { queue, exchange, arguments: { a: 'x' } });
    for (const name of ['a', 'b']) {
      channel.publish({ exchange, routingKey: '' }, name, { headers: MESSAGES[name] });
    }
    expect(await channel.drain(queue)).toEqual(['b']);
  });
});

describe('exchange-to-exchange bindings', () => {
  test('carry messages on, with each exchange applying its own rules', async () => {
    const [source, destination] = [await declareExchange('topic'), await declareExchange('direct')];
    await channel.call('exchange.bind', { source, destination, routingKey: 'a.#' });
    const queue = await boundQueue(destination, 'a.b');
    for (const routingKey of ['a.b', 'a.c', 'b']) {
      channel.publish({ exchange: source, routingKey }, routingKey);
    }
    expect(await channel.drain(queue)).toEqual(['a.b']);
  });

  test('give a queue one copy over several paths', async () => {
    const [source, left, right] = [
      await declareExchange('fanout'),
      await declareExchange('fanout'),
      await declareExchange('fanout'),
    ];
    const queue = await boundQueue(left);
    await channel.call('queue.bind', { queue, exchange: right });
    await channel.call('queue.bind', { queue, exchange: source });
    for (const destination of [left, right]) {
      await channel.call('exchange.bind', { source, destination });
    }
    channel.publish({ exchange: source, routingKey: '' }, 'once');
    expect(await channel.drain(queue)).toEqual(['once']);
  });

  test('may form a cycle', async () => {
    const [one, two] = [await declareExchange('fanout'), await declareExchange('fanout')];
    await channel.call('exchange.bind', { source: one, destination: two });
    await channel.call('exchange.bind', { source: two, destination: one });
    const queues = [await boundQueue(one), await boundQueue(two)];
    channel.publish({ exchange: one, routingKey: '' }, 'around');
    for (const queue of queues) expect(await channel.drain(queue)).toEqual(['around']);
  });

  test('end with exchange.unbind, which is idempotent', async () => {
    const [source, destination] = [
      await declareExchange('fanout'),
      await declareExchange('fanout'),
    ];
    const queue = await boundQueue(destination);
    await channel.call('exchange.bind', { source, destination });
    await channel.call('exchange.unbind', { source, destination });
    await channel.call('exchange.unbind', { source, destination });
    channel.publish({ exchange: source, routingKey: '' }, 'nowhere');
    expect(await channel.drain(queue)).toEqual([]);
  });

  test('end with the deletion of the destination', async () => {
    const [source, destination] = [
      await declareExchange('fanout'),
      await declareExchange('fanout'),
    ];
    await channel.call('exchange.bind', { source, destination });
    await channel.call('exchange.delete', { exchange: destination });
    await channel.call('exchange.delete', { exchange: source, ifUnused: true });
  });

  test('with nowait are made and removed without an answer', async () => {
    const [source, destination] = [
      await declareExchange('fanout'),
      await declareExchange('fanout'),
    ];
    const queue = await boundQueue(destination);
    channel.send('exchange.bind', { source, destination, nowait: true });
    channel.publish({ exchange: source, routingKey: '' }, 'bound');
    channel.send('exchange.unbind', { source, destination, nowait: true });
    channel.publish({ exchange: source, routingKey: '' }, 'unbound');
    expect(await channel.drain(queue)).toEqual(['bound']);
  });

  test.each(['source', 'destination'])('of a missing %s are refused with 404', async (missing) => {
    const binding = { source: 'amq.fanout', destination: 'amq.topic', [missing]: uniqueName('x') };
    const refusal = await channel.refused('exchange.bind', binding);
    expect(refusal).toEqual(
      channelRefusal(404, `no exchange '${binding[missing as 'source']}' in vhost '/'`),
    );
  });
});

describe('an alternate exchange', () => {
  test('gets the messages that no queue matched, and only those', async () => {
    const alternate = await declareExchange('fanout');
    const exchange = await declareExchange('direct', { 'alternate-exchange': alternate });
    const [matched, rest] = [await boundQueue(exchange, 'a'), await boundQueue(alternate)];
    for (const routingKey of ['a', 'b']) channel.publish({ exchange, routingKey }, routingKey);
    expect(await channel.drain(matched)).toEqual(['a']);
    expect(await channel.drain(rest)).toEqual(['b']);
  });

  test('may have an alternate of its own', async () => {
    const last = await declareExchange('fanout');
    const middle = await declareExchange('direct', { 'alternate-exchange': last });
    const exchange = await declareExchange('direct', { 'alternate-exchange': middle });
    const queue = await boundQueue(last);
    channel.publish({ exchange, routingKey: 'a' }, 'far');
    expect(await channel.drain(queue)).toEqual(['far']);
  });

  test('that leads back to the first does no harm', async () => {
    const [one, two] = [uniqueName('x'), uniqueName('x')];
    for (const [exchange, alternate] of [
      [one, two],
      [two, one],
    ] as const) {
      const args = { 'alternate-exchange': alternate };
      await channel.call('exchange.declare', { exchange, type: 'direct', arguments: args });
    }
    channel.publish({ exchange: one, routingKey: 'a', mandatory: true }, 'lost');
    expect((await channel.expect('basic.return')).fields.code).toBe(312);
  });

  test('that is missing drops the message, and mandatory returns it', async () => {
    const exchange = await declareExchange('direct', { 'alternate-exchange': uniqueName('x') });
    channel.publish({ exchange, routingKey: 'a' }, 'dropped');
    channel.publish({ exchange, routingKey: 'a', mandatory: true }, 'returned');
    expect((await channel.expect('basic.return')).body.toString()).toBe('returned');
  });

  test('that routes a mandatory message keeps it from being returned', async () => {
    const alternate = await declareExchange('fanout');
    const exchange = await declareExchange('direct', { 'alternate-exchange': alternate });
    const queue = await boundQueue(alternate);
    channel.publish({ exchange, routingKey: 'a', mandatory: true }, 'routed');
    expect(await channel.drain(queue)).toEqual(['routed']);
  });

  test('of an exchange reached through another counts for that part of the way', async () => {
    const alternate = await declareExchange('fanout');
    const inner = await declareExchange('direct', { 'alternate-exchange': alternate });
    const outer = await declareExchange('fanout');
    await channel.call('exchange.bind', { source: outer, destination: inner });
    const [direct, rest] = [await boundQueue(outer), await boundQueue(alternate)];
    channel.publish({ exchange: outer, routingKey: 'a' }, 'both');
    expect(await channel.drain(direct)).toEqual(['both']);
    expect(await channel.drain(rest)).toEqual(['both']);
  });

  test('of a wrong type is refused with 406', async () => {
    const refusal = await channel.refused('exchange.declare', {
      exchange: uniqueName('x'),
      type: 'direct',
      arguments: { 'alternate-exchange': 7 },
    });
    expect(refusal).toEqual(channelRefusal(406));
  });
});
