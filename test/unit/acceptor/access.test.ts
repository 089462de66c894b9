// Permissions in a whole broker within one thread: what each method needs, what a publish needs, and
// what user-id may be. Texts: RabbitMQ 4.x.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Permission } from '../../../src/auth/users.ts';
import type { MethodName } from '../../support/wire/methods.ts';
import { ALL, refusedText, RestrictedUser } from './sim/restricted-user.ts';

let user: RestrictedUser;

beforeEach(async () => {
  user = await RestrictedUser.start();
});

afterEach(() => user.broker.stop());

type Case = [
  method: MethodName,
  fields: Record<string, unknown>,
  needed: Partial<Permission>,
  refused: [permission: string, what: string][],
];

const DLX = { arguments: { 'x-dead-letter-exchange': 'x' } };
const AE = { arguments: { 'alternate-exchange': 'y' } };

/** What a method needs, and what it is refused with when one of those permissions is missing. */
const CASES: Case[] = [
  ['queue.declare', { queue: 'n' }, { configure: '^n$' }, [['configure', "queue 'n'"]]],
  ['queue.declare', { queue: 'q' }, { configure: '^q$' }, [['configure', "queue 'q'"]]],
  [
    'queue.declare',
    { queue: 'n', ...DLX },
    { configure: '^n$', read: '^n$', write: '^x$' },
    [
      ['configure', "queue 'n'"],
      ['read', "queue 'n'"],
      ['write', "exchange 'x'"],
    ],
  ],
  ['queue.delete', { queue: 'q' }, { configure: '^q$' }, [['configure', "queue 'q'"]]],
  ['queue.delete', { queue: 'none' }, { configure: 'none' }, [['configure', "queue 'none'"]]],
  ['queue.purge', { queue: 'q' }, { read: '^q$' }, [['read', "queue 'q'"]]],
  ['basic.get', { queue: 'q' }, { read: '^q$' }, [['read', "queue 'q'"]]],
  ['basic.consume', { queue: 'q' }, { read: '^q$' }, [['read', "queue 'q'"]]],
  [
    'exchange.declare',
    { exchange: 'n', type: 'direct' },
    { configure: 'n' },
    [['configure', "exchange 'n'"]],
  ],
  [
    'exchange.declare',
    { exchange: 'n', type: 'direct', ...AE },
    { configure: '^n$', read: '^n$', write: '^y$' },
    [
      ['configure', "exchange 'n'"],
      ['read', "exchange 'n'"],
      ['write', "exchange 'y'"],
    ],
  ],
  ['exchange.delete', { exchange: 'x' }, { configure: '^x' }, [['configure', "exchange 'x'"]]],
  ...(['queue.bind', 'queue.unbind'] as const).map(
    (name): Case => [
      name,
      { queue: 'q', exchange: 'x', routingKey: 'k' },
      { write: '^q$', read: '^x$' },
      [
        ['write', "queue 'q'"],
        ['read', "exchange 'x'"],
      ],
    ],
  ),
  ...(['exchange.bind', 'exchange.unbind'] as const).map(
    (name): Case => [
      name,
      { destination: 'y', source: 'x', routingKey: 'k' },
      { write: '^y$', read: '^x$' },
      [
        ['write', "exchange 'y'"],
        ['read', "exchange 'x'"],
      ],
    ],
  ),
];

describe('permissions', () => {
  it.each(CASES)('of %s %j are %j', async (method, fields, needed, refused) => {
    await user.connect(needed);
    for (const [permission, what] of refused) {
      await user.permit({ ...needed, [permission]: '' });
      expect(await user.answerTo(method, fields as never)).toBe(refusedText(permission, what));
      await user.reconnect();
    }
    await user.permit(needed);
    expect(await user.answerTo(method, fields as never)).toMatch(/-(ok|empty)$/);
  });

  it.each(['configure', 'write', 'read'])(
    'any of them shows what exists: %s',
    async (permission) => {
      await user.connect({ [permission]: '^[qx]$' });
      expect(await user.answerTo('queue.declare', { queue: 'q', passive: true })).toBe(
        'queue.declare-ok',
      );
      const exchange = { exchange: 'x', type: 'direct', passive: true };
      expect(await user.answerTo('exchange.declare', exchange)).toBe('exchange.declare-ok');
      const refused = refusedText('configure, write or read', "queue 'z'");
      expect(await user.answerTo('queue.declare', { queue: 'z', passive: true })).toBe(refused);
    },
  );

  it('of queues that the broker names are those of their kind of names', async () => {
    await user.connect({ configure: '^amq\\.gen-.*' });
    expect(await user.answerTo('queue.declare', { queue: '' })).toBe('queue.declare-ok');
    await user.permit({ configure: '^mine' });
    expect(await user.answerTo('queue.declare', { queue: '' })).toMatch(
      /^403 ACCESS_REFUSED - configure access to queue 'amq\.gen-[\w-]{22}' in vhost '\/' refused/,
    );
  });

  it('do not come before what is refused to everybody', async () => {
    await user.connect({});
    expect(await user.answerTo('queue.declare', { queue: 'amq.q' })).toMatch(/reserved prefix/);
    for (const name of ['', 'amq.direct']) {
      await user.reconnect();
      const text = name === '' ? /not permitted on the default/ : /deletion of system exchange/;
      expect(await user.answerTo('exchange.delete', { exchange: name })).toMatch(text);
    }
  });

  it('are counted when they refuse', async () => {
    await user.connect({});
    await user.answerTo('basic.get', { queue: 'q' });
    expect(user.broker.acceptors.map((acceptor) => acceptor.report().accessRefused)).toEqual([
      0, 1,
    ]);
  });
});

describe('publishing', () => {
  it('takes write permission on the exchange, however often', async () => {
    await user.connect({ write: '^x$' });
    for (let i = 0; i < 3; i += 1) expect(await user.published('x', 'k')).toBe('basic.return');
    expect(await user.published('y', 'k')).toBe(refusedText('write', "exchange 'y'"));
  });

  it.each([
    ['amq.default', 'basic.return'],
    ['^$', refusedText('write', "exchange 'amq.default'")],
  ])('to the default exchange is to amq.default: %s', async (write, expected) => {
    await user.connect({ write });
    expect(await user.published('', 'none')).toBe(expected);
  });

  it('is refused before it is told whether there is such an exchange', async () => {
    await user.connect({ write: '^(nowhere|hidden)$' });
    expect(await user.published('nowhere')).toMatch(/^404/);
    await user.reconnect();
    expect(await user.published('hidden')).toMatch(/^403 .*internal/);
    await user.reconnect();
    expect(await user.published('elsewhere')).toBe(refusedText('write', "exchange 'elsewhere'"));
  });

  it('of many exchanges in turn is allowed as often as of one', async () => {
    await user.connect({ configure: '.*', write: '^m' });
    for (let i = 0; i < 100; i += 1) {
      user.client.method(1, 'exchange.declare', { exchange: `m${i}`, type: 'fanout' });
    }
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 100; i += 1) user.client.publish(1, '', 'm', `m${i}`);
    }
    const received = await user.client.exchange();
    expect(received.map(({ name }) => name)).toEqual(
      Array.from({ length: 100 }, () => 'exchange.declare-ok'),
    );
    expect(await user.published('x')).toBe(refusedText('write', "exchange 'x'"));
  });
});

describe('topic permissions', () => {
  const topicText = (permission: string, key: string, exchange = 'amq.topic') =>
    `403 ACCESS_REFUSED - ${permission} access to topic '${key}' in exchange '${exchange}' in vhost '/' refused for user 'u'`;

  it('restrict routing keys of their exchange, with the name of the user', async () => {
    await user.connect(ALL);
    await user.permitTopics({ write: '^{username}\\.{vhost}', read: '' });
    for (let i = 0; i < 3; i += 1)
      expect(await user.published('amq.topic', 'u./a')).toBe('basic.return');
    expect(await user.published('t', 'free')).toBe('basic.return');
    expect(await user.published('amq.topic', 'w./a')).toBe(topicText('write', 'w./a'));
  });

  it('say nothing about exchanges of other types, nor about one that became a topic', async () => {
    await user.connect(ALL);
    await user.permitTopics({ write: '', read: '' }, 'x');
    expect(await user.published('x', 'k')).toBe('basic.return');
    expect(await user.answerTo('exchange.delete', { exchange: 'x' })).toBe('exchange.delete-ok');
    await user.answerTo('exchange.declare', { exchange: 'x', type: 'topic' });
    expect(await user.published('x', 'k')).toBe(topicText('write', 'k', 'x'));
  });

  it.each([
    ['queue.bind', { queue: 'q', exchange: 't' }],
    ['queue.unbind', { queue: 'q', exchange: 't' }],
    ['exchange.bind', { destination: 'y', source: 't' }],
    ['exchange.unbind', { destination: 'y', source: 't' }],
  ] as const)('of reading restrict %s', async (method, ends) => {
    await user.connect(ALL);
    await user.permitTopics({ write: '', read: '^u\\.' }, 't');
    expect(await user.answerTo(method, { ...ends, routingKey: 'u.#' })).toBe(`${method}-ok`);
    expect(await user.answerTo(method, { ...ends, routingKey: 'v.#' })).toBe(
      topicText('read', 'v.#', 't'),
    );
  });

  it('are checked for one key more by who routes a message by several', async () => {
    await user.connect(ALL);
    await user.permitTopics({ write: '^a', read: '' });
    const [connection] = user.broker.acceptors[1].connections;
    const { access, vhost } = connection;
    const check = (key: string) => () =>
      access.publishing!.checkKey('amq.topic', key, vhost.routes);
    expect(check('a.b')).not.toThrow();
    expect(check('b.a')).toThrow("write access to topic 'b.a' in exchange 'amq.topic'");
  });
});

describe('user-id', () => {
  it('is taken when it is the name of the user', async () => {
    await user.connect(ALL);
    expect(await user.published('x', 'k', { userId: 'u' })).toBe('basic.return');
  });

  it.each(['other', 'uu', ''])("is refused otherwise: '%s'", async (userId) => {
    await user.connect(ALL);
    expect(await user.published('x', 'k', { userId })).toBe(
      `406 PRECONDITION_FAILED - user_id property set to '${userId}' but authenticated user was 'u'`,
    );
  });

  it('may be any for an impersonator, as long as that lasts', async () => {
    await user.connect(ALL, ['impersonator']);
    expect(await user.published('x', 'k', { userId: 'other' })).toBe('basic.return');
    await user.set([]);
    expect(await user.published('x', 'k', { userId: 'other' })).toMatch(/^406/);
  });
});
