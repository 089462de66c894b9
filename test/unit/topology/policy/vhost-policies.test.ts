// Which policies rule a queue or exchange, and what two of them come to.
import { describe, expect, it } from 'vitest';
import type { ExchangeSpec, QueueSpec } from '../../../../src/routing/change.ts';
import type { Policy, PolicyKind } from '../../../../src/topology/policy/policy.ts';
import { VhostPolicies } from '../../../../src/topology/policy/vhost-policies.ts';

type Options = Partial<Omit<Policy, 'name' | 'pattern'>> & { readonly pattern?: string };

function policy(name: string, { pattern = '', ...options }: Options = {}): Policy {
  const definition = { 'max-length': 5 };
  return {
    name,
    pattern: new RegExp(pattern),
    applyTo: 'all',
    priority: 0,
    definition,
    ...options,
  };
}

function policies(...list: readonly (Policy | readonly [PolicyKind, Policy])[]): VhostPolicies {
  const all = new VhostPolicies();
  for (const entry of list) {
    if ('name' in entry) all.set('policy', entry);
    else all.set(...entry);
  }
  return all;
}

const queue = (name = 'q', type = 'classic'): QueueSpec => ({
  id: 1,
  shard: 0,
  name,
  durable: true,
  autoDelete: false,
  exclusiveOwner: 0,
  arguments: { 'x-queue-type': type },
});

const exchange = (name: string): ExchangeSpec => ({
  name,
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: {},
});

/** The name of the policy that rules a queue. */
const ruling = (all: VhostPolicies, spec: QueueSpec): string | undefined =>
  all.ruleNewQueue(spec).policy?.name;

describe('the policy of a queue', () => {
  it('matches anywhere in the name unless it is anchored', () => {
    const all = policies(policy('p', { pattern: 'order' }));
    expect(ruling(all, queue('my-orders'))).toBe('p');
    expect(ruling(all, queue('other'))).toBeUndefined();
  });

  it('is the one with the highest priority, whatever the order they were set in', () => {
    const list = [
      policy('low', { priority: -1 }),
      policy('high', { priority: 10.5 }),
      policy('middle', { priority: 10 }),
    ];
    expect(ruling(policies(...list), queue())).toBe('high');
    expect(ruling(policies(...list.reverse()), queue())).toBe('high');
  });

  it('is the first by name of equal priorities', () => {
    expect(ruling(policies(policy('b'), policy('a'), policy('c')), queue())).toBe('a');
  });

  it.each([
    ['all', ['classic', 'quorum', 'exchange']],
    ['queues', ['classic', 'quorum']],
    ['classic_queues', ['classic']],
    ['quorum_queues', ['quorum']],
    ['streams', []],
    ['exchanges', ['exchange']],
  ] as const)('that applies to %s applies to %j', (applyTo, kinds) => {
    const all = policies(policy('p', { applyTo }));
    const found = ['classic', 'quorum'].filter((type) => ruling(all, queue('q', type)) === 'p');
    if (all.ruleExchange(exchange('q')).policy?.name === 'p') found.push('exchange');
    expect(found).toEqual(kinds);
  });

  it.each([
    ['delivery-limit', 5, 'classic'],
    ['dead-letter-strategy', 'at-least-once', 'classic'],
    ['max-in-memory-length', 5, 'classic'],
    ['target-group-size', 5, 'classic'],
    ['queue-mode', 'lazy', 'quorum'],
    ['max-age', '5D', 'classic'],
    ['max-age', '5D', 'quorum'],
  ])('with %s = %j is not one for %s queues, and gives way to the next', (key, value, type) => {
    const definition = { 'max-length': 1, [key]: value };
    const all = policies(policy('p', { priority: 5, definition }), policy('next'));
    expect(ruling(all, queue('q', type))).toBe('next');
  });

  it('is replaced by one of the same name, and goes when it is removed', () => {
    const all = policies(policy('p'), policy('p', { pattern: '^x' }));
    expect(ruling(all, queue('q'))).toBeUndefined();
    expect(ruling(all, queue('x'))).toBe('p');
    all.remove('operator_policy', 'p');
    expect(ruling(all, queue('x'))).toBe('p');
    all.remove('policy', 'p');
    expect(ruling(all, queue('x'))).toBeUndefined();
  });

  it('is shared by all queues that have the same two', () => {
    const all = policies(policy('p'), ['operator_policy', policy('o', { pattern: 'a' })]);
    const applied = (name: string) => all.ruleNewQueue(queue(name)).policy;
    expect(applied('x')).toBe(applied('y'));
    expect(applied('a')).toBe(applied('ab'));
    expect(applied('a')).not.toBe(applied('x'));
  });
});

describe('a policy and an operator policy', () => {
  it.each([
    ['max-length', 5, 3, 3],
    ['max-length', 3, 5, 3],
    ['message-ttl', 0, 5, 0],
    ['expires', 7, 5, 5],
    ['overflow', 'drop-head', 'reject-publish', 'reject-publish'],
    ['queue-version', 2, 1, 1],
    ['delivery-limit', 5, 3, 3],
    ['delivery-limit', -1, 3, 3],
    ['delivery-limit', 5, -1, 5],
    ['target-group-size', 3, 5, 5],
    ['delayed-retry-min', 3, 5, 5],
    ['delayed-retry-max', 3, 5, 3],
  ])('of %s %j and %j come to %j', (key, value, operatorValue, effective) => {
    const all = policies(policy('p', { definition: { [key]: value } }), [
      'operator_policy',
      policy('o', { definition: { [key]: operatorValue } }),
    ]);
    const ruled = all.ruleNewQueue(queue('q', 'quorum')).policy;
    expect(ruled).toEqual({ name: 'p', operatorName: 'o', definition: { [key]: effective } });
  });

  it('keep the settings that only one of them has', () => {
    const all = policies(policy('p', { definition: { 'message-ttl': 1 } }), [
      'operator_policy',
      policy('o', { definition: { expires: 2 } }),
    ]);
    expect(all.ruleNewQueue(queue()).policy?.definition).toEqual({ 'message-ttl': 1, expires: 2 });
  });

  it('may be one without the other', () => {
    const all = policies(['operator_policy', policy('o')]);
    expect(all.ruleNewQueue(queue()).policy).toEqual({
      name: undefined,
      operatorName: 'o',
      definition: { 'max-length': 5 },
    });
  });
});

describe('ruling again', () => {
  it('gives the same object where nothing is otherwise', () => {
    const all = policies(policy('p'));
    const spec = all.ruleNewQueue(queue());
    all.set('policy', policy('p'));
    all.set('policy', policy('low', { priority: -1 }));
    expect(all.ruleQueue(spec)).toBe(spec);
    expect(all.ruleQueue(queue())).not.toBe(spec);
    const bare = exchange('x');
    expect(policies().ruleExchange(bare)).toBe(bare);
  });

  it.each([
    ['another setting', { definition: { 'max-length': 6 } }],
    ['one setting more', { definition: { 'max-length': 5, expires: 1 } }],
    ['other settings, as many', { definition: { expires: 5 } }],
  ])('sees %s', (_what, options) => {
    const all = policies(policy('p'));
    const spec = all.ruleNewQueue(queue());
    all.set('policy', policy('p', options));
    expect(all.ruleQueue(spec).policy?.definition).toEqual(options.definition);
  });

  it('sees another name with the same settings', () => {
    const all = policies(policy('b'));
    const spec = all.ruleNewQueue(queue());
    all.set('policy', policy('a'));
    expect(all.ruleQueue(spec).policy?.name).toBe('a');
  });

  it('keeps the durability that the queue was declared with', () => {
    const memory = policies(policy('p', { definition: { durability: 'memory' } }));
    const spec = memory.ruleNewQueue(queue());
    memory.remove('policy', 'p');
    const cleared = memory.ruleQueue(spec);
    expect(cleared.policy).toEqual({ definition: { durability: 'memory' } });
    expect(memory.ruleQueue(cleared)).toBe(cleared);
    memory.set('policy', policy('q', { definition: { durability: 'fsync', expires: 1 } }));
    expect(memory.ruleQueue(cleared).policy).toEqual({
      name: 'q',
      operatorName: undefined,
      definition: { durability: 'memory', expires: 1 },
    });
    expect(memory.ruleQueue(queue()).policy?.definition).toEqual({ expires: 1 });
    expect(memory.ruleNewQueue(queue()).policy?.definition['durability']).toBe('fsync');
  });

  it('leaves the queues behind direct reply-to alone', () => {
    const all = policies(policy('p'));
    const hidden = queue('amq.rabbitmq.reply-to.x');
    expect(all.ruleNewQueue(hidden)).toBe(hidden);
    expect(all.ruleQueue(hidden)).toBe(hidden);
    expect(ruling(all, queue('amq.gen-x'))).toBe('p');
  });

  it('leaves the default exchange alone', () => {
    const all = policies(policy('p', { definition: { 'alternate-exchange': 'x' } }));
    expect(all.ruleExchange(exchange('')).policy).toBeUndefined();
    expect(all.ruleExchange(exchange('amq.topic')).policy?.name).toBe('p');
  });
});
