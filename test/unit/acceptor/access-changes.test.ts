// What becomes of open connections when their user, its permissions or its limits change, in a whole
// broker within one thread.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SimOptions } from './sim/sim-broker.ts';
import { ALL, outcome, refusedText, RestrictedUser } from './sim/restricted-user.ts';

let user: RestrictedUser;

beforeEach(async () => {
  user = await RestrictedUser.start();
});

afterEach(() => user.broker.stop());

describe('an open connection', () => {
  it('may do at once what its user is given, and no more what is taken', async () => {
    await user.connect({ write: '^x$' });
    expect(await user.published('x')).toBe('basic.return');
    await user.permit({ write: '^y$', read: '^q$' });
    expect(await user.answerTo('basic.get', { queue: 'q' })).toBe('basic.get-empty');
    expect(await user.published('y')).toBe('basic.return');
    expect(await user.published('x')).toBe(refusedText('write', "exchange 'x'"));
  });

  it('is closed when its user is deleted', async () => {
    await user.connect(ALL);
    const guest = await user.broker.open(1, 1);
    await user.broker.control.record({ kind: 'user-deleted', user: 'u' });
    expect(outcome(await user.client.exchange())).toBe(
      "320 CONNECTION_FORCED - user 'u' is deleted",
    );
    expect(await guest.exchange()).toEqual([]);
  });

  it('is closed when its user loses the virtual host', async () => {
    await user.connect(ALL);
    await user.broker.control.record({ kind: 'permission-deleted', user: 'u', vhost: '/' });
    expect(outcome(await user.client.exchange())).toBe(
      "320 CONNECTION_FORCED - user 'u' has lost access to vhost '/'",
    );
  });

  it('is closed when its virtual host is deleted', async () => {
    await user.connect(ALL);
    await user.broker.control.execute({ kind: 'create-vhost', vhost: 'v' });
    const permission = { kind: 'permission-set', user: 'u', vhost: 'v', permission: ALL } as const;
    await user.broker.control.record(permission);
    const other = await user.broker.open(1, 0, { user: 'u', vhost: 'v' });
    await user.broker.control.execute({ kind: 'delete-vhost', vhost: 'v' });
    expect(outcome(await other.exchange())).toBe("320 CONNECTION_FORCED - vhost 'v' is deleted");
    expect(await user.client.exchange()).toEqual([]);
  });

  it('has the limit of channels that its user has now', async () => {
    await user.connect(ALL);
    const limits = { 'max-channels': 2 };
    await user.broker.control.record({ kind: 'user-limits-set', user: 'u', limits });
    user.client.method(2, 'channel.open');
    expect(outcome(await user.client.exchange())).toBe('channel.open-ok');
    user.client.method(3, 'channel.open');
    expect(outcome(await user.client.exchange())).toMatch(/^530 .* user limit of \(2\) /);
  });
});

describe('limits that are set while the broker runs', () => {
  const login = async (): Promise<unknown> => {
    const late = user.broker.connect(0);
    late.login({ user: 'u' });
    return outcome(await late.exchange());
  };

  it.each([
    [0, /user connection limit \(0\) is reached/],
    [1, /user connection limit \(1\) is reached/],
    [2, /connection\.open-ok/],
    [-1, /connection\.open-ok/],
  ])('of connections of a user: %i', async (max, expected) => {
    await user.connect(ALL);
    const limits = { 'max-connections': max };
    await user.broker.control.record({ kind: 'user-limits-set', user: 'u', limits });
    expect(await login()).toMatch(expected);
    await user.broker.control.record({ kind: 'user-limits-set', user: 'u', limits: {} });
    expect(await login()).toBe('connection.open-ok');
  });

  const setVhostLimits = (value: Record<string, number>) =>
    user.broker.control.record({
      kind: 'parameter-set',
      parameter: { vhost: '/', component: 'vhost-limits', name: 'limits', value },
    });

  it('of connections to a virtual host', async () => {
    await user.connect(ALL);
    await setVhostLimits({ 'max-connections': 2 });
    expect(await login()).toMatch(/^530 .*connection limit \(2\) is reached/);
    await setVhostLimits({ 'max-connections': -1 });
    expect(await login()).toBe('connection.open-ok');
  });

  it.each([
    [0, /^406 .*queue limit in vhost '\/' \(0\) is reached/],
    [2, 'queue.declare-ok'],
  ])('of queues of a virtual host: %i', async (max, expected) => {
    await user.connect(ALL);
    await setVhostLimits({ 'max-queues': max });
    expect(await user.answerTo('queue.declare', { queue: 'q' })).toBe('queue.declare-ok');
    expect(await user.answerTo('queue.declare', { queue: 'n' })).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  });
});

describe('connection.update-secret', () => {
  const update = async () => {
    const fields = { newSecret: Buffer.from('any'), reason: 'r' };
    user.client.method(0, 'connection.update-secret', fields);
    return user.client.exchange();
  };

  it('takes any secret of a user of the broker, as RabbitMQ does', async () => {
    await user.connect(ALL);
    expect(outcome(await update())).toBe('connection.update-secret-ok');
    expect(await user.published('x')).toBe('basic.return');
  });

  it('cancels the consumers whose queue the user may no longer read, and no others', async () => {
    await user.connect(ALL);
    await user.answerTo('queue.declare', { queue: 'kept' });
    await user.answerTo('basic.consume', { queue: 'q', consumerTag: 'gone' });
    await user.answerTo('basic.consume', { queue: 'kept', consumerTag: 'stays', noAck: true });
    await user.answerTo('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true });
    await user.permit({ write: '.*', read: '^kept$' });
    expect(await user.client.exchange()).toEqual([]);
    const received = await update();
    expect(received.map(({ name }) => name)).toEqual([
      'connection.update-secret-ok',
      'basic.cancel',
    ]);
    expect(received[1].fields['consumerTag']).toBe('gone');
    for (const key of ['q', 'kept']) user.client.publish(1, key, 'm');
    const delivered = await user.client.exchange();
    expect(delivered.map(({ fields }) => fields['consumerTag'])).toEqual(['stays']);
    expect(await user.answerTo('basic.cancel', { consumerTag: 'gone' })).toBe('basic.cancel-ok');
  });
});

describe('the switches of deprecated features', () => {
  const restart = async (options: SimOptions): Promise<void> => {
    await user.broker.stop();
    user = await RestrictedUser.start(options);
    await user.connect(ALL);
  };

  it('permit queues that are neither durable nor exclusive, or refuse new ones', async () => {
    await user.connect(ALL);
    expect(await user.answerTo('queue.declare', { queue: 'n' })).toBe('queue.declare-ok');
    await restart({ permitTransientQueues: false });
    for (const flag of ['durable', 'exclusive']) {
      const fields = { queue: `n-${flag}`, [flag]: true };
      expect(await user.answerTo('queue.declare', fields)).toBe('queue.declare-ok');
    }
    expect(await user.answerTo('queue.declare', { queue: 'n' })).toMatch(
      /^541 INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated\./,
    );
  });

  it.each([
    [true, ['a']],
    [false, ['a', 'b']],
  ])('permit a prefetch of the whole channel: %s', async (permitGlobalQos, expected) => {
    await restart({ permitGlobalQos });
    await user.answerTo('queue.declare', { queue: 'm', durable: true });
    await user.answerTo('basic.qos', { prefetchCount: 1, global: true });
    for (const consumerTag of ['a', 'b']) {
      await user.answerTo('basic.consume', { queue: 'm', consumerTag });
    }
    for (let i = 0; i < 4; i += 1) user.client.publish(1, 'm', 'm');
    const received = await user.client.exchange();
    const tags = received.map(({ fields }) => String(fields['consumerTag']));
    expect(tags.sort((one, other) => one.localeCompare(other))).toEqual(expected);
  });

  it.each([
    [4096, 'connection.open-ok'],
    [8192, /negotiated frame_max = 4096 is lower than the minimum allowed value \(8192\)/],
  ])('set a floor for frame_max: %i', async (frameMaxFloor, expected) => {
    await user.broker.stop();
    user = await RestrictedUser.start({ frameMaxFloor });
    const client = user.broker.connect();
    client.login({ frameMax: 4096 });
    expect(outcome(await client.exchange())).toEqual(expect.stringMatching(expected));
  });
});
