// Permissions in a whole broker within one thread: what each method needs, what a publish needs, and
// what becomes of connections when their user changes. Texts: RabbitMQ 4.x.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/auth/password.ts';
import type { Permission, TopicPermission } from '../../../src/auth/users.ts';
import type { MethodFields, MethodName } from '../../support/wire/methods.ts';
import { SimBroker } from './sim/sim-broker.ts';
import { publishFrames, type Received, type SimClient } from './sim/sim-client.ts';

const NONE: Permission = { configure: '', write: '', read: '' };
const ALL: Permission = { configure: '.*', write: '.*', read: '.*' };

let broker: SimBroker;
let client: SimClient;

beforeEach(async () => {
  broker = await SimBroker.start({ acceptors: 2 });
});

afterEach(() => broker.stop());

async function permit(given: Partial<Permission>): Promise<void> {
  const permission = { ...NONE, ...given };
  await broker.control.record({ kind: 'permission-set', user: 'u', vhost: '/', permission });
}

async function permitTopics(permission: TopicPermission, exchange = 'amq.topic'): Promise<void> {
  const fact = {
    kind: 'topic-permission-set',
    user: 'u',
    vhost: '/',
    exchange,
    permission,
  } as const;
  await broker.control.record(fact);
}

async function addUser(tags: readonly string[] = []): Promise<void> {
  const account = {
    name: 'u',
    passwordHash: hashPassword('u'),
    hashingAlgorithm: 'sha256',
    tags,
  } as const;
  await broker.control.record({ kind: 'user-set', account });
}

/** A queue and exchanges that another user has made, and a client of user `u`. */
async function connect(permission: Partial<Permission>, tags: readonly string[] = []) {
  const owner = await broker.open(1);
  owner.method(1, 'queue.declare', { queue: 'q' });
  owner.method(1, 'exchange.declare', { exchange: 'x', type: 'direct' });
  owner.method(1, 'exchange.declare', { exchange: 'y', type: 'fanout' });
  owner.method(1, 'exchange.declare', { exchange: 't', type: 'topic' });
  owner.method(1, 'exchange.declare', { exchange: 'hidden', type: 'fanout', internal: true });
  await owner.exchange();
  await addUser(tags);
  await permit(permission);
  client = await broker.open(1, 1, { user: 'u' });
}

/** What the broker closed the channel or the connection with, or else the name of its answer. */
function outcome(received: readonly Received[]): unknown {
  const close = received.find(({ name }) => name.endsWith('.close'));
  if (close === undefined) return received.at(-1)?.name;
  return `${String(close.fields['code'] ?? close.fields['replyCode'])} ${String(close.fields['text'])}`;
}

async function answerTo<Name extends MethodName>(name: Name, fields: Partial<MethodFields<Name>>) {
  client.method(1, name, fields);
  return outcome(await client.exchange());
}

async function published(exchange: string, routingKey = '', properties = {}): Promise<unknown> {
  client.send(...publishFrames(1, { exchange, routingKey, mandatory: true }, 'm', properties));
  return outcome(await client.exchange());
}

const refusedText = (permission: string, what: string) =>
  `403 ACCESS_REFUSED - ${permission} access to ${what} in vhost '/' refused for user 'u'`;

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
    await connect(needed);
    for (const [permission, what] of refused) {
      await permit({ ...needed, [permission]: '' });
      expect(await answerTo(method, fields as never)).toBe(refusedText(permission, what));
      client = await broker.open(1, 0, { user: 'u' });
    }
    await permit(needed);
    expect(await answerTo(method, fields as never)).toMatch(/-(ok|empty)$/);
  });

  it.each(['configure', 'write', 'read'])(
    'any of them shows what exists: %s',
    async (permission) => {
      await connect({ [permission]: '^[qx]$' });
      expect(await answerTo('queue.declare', { queue: 'q', passive: true })).toBe(
        'queue.declare-ok',
      );
      const exchange = { exchange: 'x', type: 'direct', passive: true };
      expect(await answerTo('exchange.declare', exchange)).toBe('exchange.declare-ok');
      const refused = refusedText('configure, write or read', "queue 'z'");
      expect(await answerTo('queue.declare', { queue: 'z', passive: true })).toBe(refused);
    },
  );

  it('of queues that the broker names are those of their kind of names', async () => {
    await connect({ configure: '^amq\\.gen-.*' });
    expect(await answerTo('queue.declare', { queue: '' })).toBe('queue.declare-ok');
    await permit({ configure: '^mine' });
    expect(await answerTo('queue.declare', { queue: '' })).toMatch(
      /^403 ACCESS_REFUSED - configure access to queue 'amq\.gen-[\w-]{22}' in vhost '\/' refused/,
    );
  });

  it('do not come before what is refused to everybody', async () => {
    await connect({});
    expect(await answerTo('queue.declare', { queue: 'amq.q' })).toMatch(/reserved prefix/);
    for (const name of ['', 'amq.direct']) {
      client = await broker.open(1, 0, { user: 'u' });
      const text = name === '' ? /not permitted on the default/ : /deletion of system exchange/;
      expect(await answerTo('exchange.delete', { exchange: name })).toMatch(text);
    }
  });

  it('are counted when they refuse', async () => {
    await connect({});
    await answerTo('basic.get', { queue: 'q' });
    expect(broker.acceptors.map((acceptor) => acceptor.report().accessRefused)).toEqual([0, 1]);
  });
});

describe('publishing', () => {
  it('takes write permission on the exchange, however often', async () => {
    await connect({ write: '^x$' });
    for (let i = 0; i < 3; i += 1) expect(await published('x', 'k')).toBe('basic.return');
    expect(await published('y', 'k')).toBe(refusedText('write', "exchange 'y'"));
  });

  it.each([
    ['amq.default', 'basic.return'],
    ['^$', refusedText('write', "exchange 'amq.default'")],
  ])('to the default exchange is to amq.default: %s', async (write, expected) => {
    await connect({ write });
    expect(await published('', 'none')).toBe(expected);
  });

  it('is refused before it is told whether there is such an exchange', async () => {
    await connect({ write: '^(nowhere|hidden)$' });
    expect(await published('nowhere')).toMatch(/^404/);
    client = await broker.open(1, 0, { user: 'u' });
    expect(await published('hidden')).toMatch(/^403 .*internal/);
    client = await broker.open(1, 0, { user: 'u' });
    expect(await published('elsewhere')).toBe(refusedText('write', "exchange 'elsewhere'"));
  });

  it('of many exchanges in turn is allowed as often as of one', async () => {
    await connect({ configure: '.*', write: '^m' });
    for (let i = 0; i < 100; i += 1) {
      client.method(1, 'exchange.declare', { exchange: `m${i}`, type: 'fanout' });
    }
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 100; i += 1) client.publish(1, '', 'm', `m${i}`);
    }
    const received = await client.exchange();
    expect(received.map(({ name }) => name)).toEqual(
      Array.from({ length: 100 }, () => 'exchange.declare-ok'),
    );
    expect(await published('x')).toBe(refusedText('write', "exchange 'x'"));
  });
});

describe('topic permissions', () => {
  const topicText = (permission: string, key: string, exchange = 'amq.topic') =>
    `403 ACCESS_REFUSED - ${permission} access to topic '${key}' in exchange '${exchange}' in vhost '/' refused for user 'u'`;

  it('restrict routing keys of their exchange, with the name of the user', async () => {
    await connect(ALL);
    await permitTopics({ write: '^{username}\\.{vhost}', read: '' });
    for (let i = 0; i < 3; i += 1)
      expect(await published('amq.topic', 'u./a')).toBe('basic.return');
    expect(await published('t', 'free')).toBe('basic.return');
    expect(await published('amq.topic', 'w./a')).toBe(topicText('write', 'w./a'));
  });

  it('say nothing about exchanges of other types, nor about one that became a topic', async () => {
    await connect(ALL);
    await permitTopics({ write: '', read: '' }, 'x');
    expect(await published('x', 'k')).toBe('basic.return');
    expect(await answerTo('exchange.delete', { exchange: 'x' })).toBe('exchange.delete-ok');
    await answerTo('exchange.declare', { exchange: 'x', type: 'topic' });
    expect(await published('x', 'k')).toBe(topicText('write', 'k', 'x'));
  });

  it.each([
    ['queue.bind', { queue: 'q', exchange: 't' }],
    ['queue.unbind', { queue: 'q', exchange: 't' }],
    ['exchange.bind', { destination: 'y', source: 't' }],
    ['exchange.unbind', { destination: 'y', source: 't' }],
  ] as const)('of reading restrict %s', async (method, ends) => {
    await connect(ALL);
    await permitTopics({ write: '', read: '^u\\.' }, 't');
    expect(await answerTo(method, { ...ends, routingKey: 'u.#' })).toBe(`${method}-ok`);
    expect(await answerTo(method, { ...ends, routingKey: 'v.#' })).toBe(
      topicText('read', 'v.#', 't'),
    );
  });

  it('are checked for one key more by who routes a message by several', async () => {
    await connect(ALL);
    await permitTopics({ write: '^a', read: '' });
    const [connection] = broker.acceptors[1].connections;
    const { access, vhost } = connection;
    const check = (key: string) => () =>
      access.publishing!.checkKey('amq.topic', key, vhost.routes);
    expect(check('a.b')).not.toThrow();
    expect(check('b.a')).toThrow("write access to topic 'b.a' in exchange 'amq.topic'");
  });
});

describe('user-id', () => {
  it('is taken when it is the name of the user', async () => {
    await connect(ALL);
    expect(await published('x', 'k', { userId: 'u' })).toBe('basic.return');
  });

  it.each(['other', 'uu', ''])("is refused otherwise: '%s'", async (userId) => {
    await connect(ALL);
    expect(await published('x', 'k', { userId })).toBe(
      `406 PRECONDITION_FAILED - user_id property set to '${userId}' but authenticated user was 'u'`,
    );
  });

  it('may be any for an impersonator, as long as that lasts', async () => {
    await connect(ALL, ['impersonator']);
    expect(await published('x', 'k', { userId: 'other' })).toBe('basic.return');
    await addUser([]);
    expect(await published('x', 'k', { userId: 'other' })).toMatch(/^406/);
  });
});

describe('an open connection', () => {
  it('may do at once what its user is given, and no more what is taken', async () => {
    await connect({ write: '^x$' });
    expect(await published('x')).toBe('basic.return');
    await permit({ write: '^y$', read: '^q$' });
    expect(await answerTo('basic.get', { queue: 'q' })).toBe('basic.get-empty');
    expect(await published('y')).toBe('basic.return');
    expect(await published('x')).toBe(refusedText('write', "exchange 'x'"));
  });

  it('is closed when its user is deleted', async () => {
    await connect(ALL);
    const guest = await broker.open(1, 1);
    await broker.control.record({ kind: 'user-deleted', user: 'u' });
    expect(outcome(await client.exchange())).toBe("320 CONNECTION_FORCED - user 'u' is deleted");
    expect(await guest.exchange()).toEqual([]);
  });

  it('is closed when its user loses the virtual host', async () => {
    await connect(ALL);
    await broker.control.record({ kind: 'permission-deleted', user: 'u', vhost: '/' });
    expect(outcome(await client.exchange())).toBe(
      "320 CONNECTION_FORCED - user 'u' has lost access to vhost '/'",
    );
  });

  it('is closed when its virtual host is deleted', async () => {
    await connect(ALL);
    await broker.control.execute({ kind: 'create-vhost', vhost: 'v' });
    const permission = { kind: 'permission-set', user: 'u', vhost: 'v', permission: ALL } as const;
    await broker.control.record(permission);
    const other = await broker.open(1, 0, { user: 'u', vhost: 'v' });
    await broker.control.execute({ kind: 'delete-vhost', vhost: 'v' });
    expect(outcome(await other.exchange())).toBe("320 CONNECTION_FORCED - vhost 'v' is deleted");
    expect(await client.exchange()).toEqual([]);
  });

  it('has the limit of channels that its user has now', async () => {
    await connect(ALL);
    const limits = { 'max-channels': 2 };
    await broker.control.record({ kind: 'user-limits-set', user: 'u', limits });
    client.method(2, 'channel.open');
    expect(outcome(await client.exchange())).toBe('channel.open-ok');
    client.method(3, 'channel.open');
    expect(outcome(await client.exchange())).toMatch(/^530 .* user limit of 2 /);
  });
});

describe('limits that are set while the broker runs', () => {
  const login = async (): Promise<unknown> => {
    const late = broker.connect(0);
    late.login({ user: 'u' });
    return outcome(await late.exchange());
  };

  it.each([
    [0, /user connection limit \(0\) is reached/],
    [1, /user connection limit \(1\) is reached/],
    [2, /connection\.open-ok/],
    [-1, /connection\.open-ok/],
  ])('of connections of a user: %i', async (max, expected) => {
    await connect(ALL);
    const limits = { 'max-connections': max };
    await broker.control.record({ kind: 'user-limits-set', user: 'u', limits });
    expect(await login()).toMatch(expected);
    await broker.control.record({ kind: 'user-limits-set', user: 'u', limits: {} });
    expect(await login()).toBe('connection.open-ok');
  });

  const setVhostLimits = (value: Record<string, number>) =>
    broker.control.record({
      kind: 'parameter-set',
      parameter: { vhost: '/', component: 'vhost-limits', name: 'limits', value },
    });

  it('of connections to a virtual host', async () => {
    await connect(ALL);
    await setVhostLimits({ 'max-connections': 2 });
    expect(await login()).toMatch(/^530 .*connection limit \(2\) is reached/);
    await setVhostLimits({ 'max-connections': -1 });
    expect(await login()).toBe('connection.open-ok');
  });

  it.each([
    [0, /^406 .*queue limit in vhost '\/' \(0\) is reached/],
    [2, 'queue.declare-ok'],
  ])('of queues of a virtual host: %i', async (max, expected) => {
    await connect(ALL);
    await setVhostLimits({ 'max-queues': max });
    expect(await answerTo('queue.declare', { queue: 'q' })).toBe('queue.declare-ok');
    expect(await answerTo('queue.declare', { queue: 'n' })).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  });
});

describe('connection.update-secret', () => {
  it('is answered, and the permissions are looked at again', async () => {
    await connect(ALL);
    client.method(0, 'connection.update-secret', { newSecret: Buffer.from('any'), reason: 'r' });
    expect(outcome(await client.exchange())).toBe('connection.update-secret-ok');
    expect(await published('x')).toBe('basic.return');
  });
});
