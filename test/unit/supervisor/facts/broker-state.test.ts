// What main keeps besides the topology: users, permissions and parameters, restored from facts.
import { beforeEach, describe, expect, it } from 'vitest';
import { BrokerState } from '../../../../src/supervisor/facts/broker-state.ts';
import type { Fact, JsonValue } from '../../../../src/supervisor/facts/fact.ts';
import { Topology } from '../../../../src/topology/topology.ts';
import { DECLARATIONS, FACTS } from './every-fact.ts';

function stateOf(facts: Iterable<Fact>): BrokerState {
  const state = new BrokerState(new Topology({ shardCount: 3 }));
  for (const fact of facts) expect(state.restore(fact)).toBeUndefined();
  return state;
}

const account = (tags: string[]): Fact => ({
  kind: 'user-set',
  account: { name: 'u', passwordHash: 'bmV3', hashingAlgorithm: 'sha256', tags },
});

describe('the state of the broker', () => {
  let state: BrokerState;

  beforeEach(() => {
    state = stateOf(DECLARATIONS);
  });

  it('is in its facts', () => {
    const again = stateOf(state.facts());
    expect([...again.facts()]).toEqual([...state.facts()]);
    expect(again.users.find('u')).toEqual(state.users.find('u'));
    expect(again.users.find('u')?.permissions.get('v')?.configure).toBe('^a');
    expect(again.users.find('u')?.topicPermissions?.get('v')?.get('y')?.write).toBe('^{username}');
    expect(again.users.find('u')?.limits).toEqual({ 'max-connections': 5, 'max-channels': -1 });
    expect([...again.parameters.all()]).toHaveLength(1);
    expect(state.topology.nextQueueId).toBe(100);
  });

  it('is empty when everything was deleted', () => {
    expect([...stateOf(FACTS).facts()]).toEqual([]);
  });

  it('keeps permissions when a user gets another password or tag', () => {
    state.restore(account(['administrator']));
    const user = state.users.find('u')!;
    expect(user).toMatchObject({ passwordHash: 'bmV3', tags: ['administrator'] });
    expect(user.permissions.has('v')).toBe(true);
    expect(user.topicPermissions?.has('v')).toBe(true);
    expect(user.limits?.['max-connections']).toBe(5);
  });

  it('gives a user made anew under an old name no permissions', () => {
    state.restore({ kind: 'user-deleted', user: 'u' });
    state.restore(account([]));
    expect(state.users.find('u')!.permissions.size).toBe(0);
  });

  it.each(['restored', 'executed'])('forgets what belongs to a virtual host: %s', (how) => {
    const other = { vhost: 'w', component: 'shovel', name: 'p', value: 1 };
    state.restore({ kind: 'parameter-set', parameter: other });
    if (how === 'restored') state.restore({ kind: 'vhost-deleted', vhost: 'v' });
    else state.execute({ kind: 'delete-vhost', vhost: 'v' });
    expect(state.users.find('u')!.permissions.size).toBe(0);
    expect(state.users.find('u')!.topicPermissions?.size).toBe(0);
    expect([...state.parameters.all()]).toEqual([other]);
  });

  it('takes topic permissions of one exchange away, or of all', () => {
    state.restore({ kind: 'topic-permission-deleted', user: 'u', vhost: 'v', exchange: 'x' });
    expect([...state.users.find('u')!.topicPermissions!.get('v')!.keys()]).toEqual(['y']);
    state.restore({ kind: 'topic-permission-deleted', user: 'u', vhost: 'v' });
    expect(state.users.find('u')!.topicPermissions!.size).toBe(0);
  });

  it('takes the newest value of a parameter', () => {
    const parameter = { vhost: 'v', component: 'shovel', name: 'p', value: 'new' };
    state.restore({ kind: 'parameter-set', parameter });
    expect([...state.parameters.all()]).toEqual([parameter]);
  });

  it('gives what it restored the policies it restored, in whatever order they came', () => {
    const value = { pattern: '', definition: { expires: 5 }, priority: 1, 'apply-to': 'queues' };
    const parameter = { vhost: 'v', component: 'policy', name: 'p', value };
    state.restore({ kind: 'parameter-set', parameter });
    const again = stateOf([...state.facts()]);
    again.restored();
    expect([...again.topology.queues('v')][0].policy?.name).toBe('p');
    state.restored();
    expect([...state.facts()]).toEqual([...again.facts()]);
  });

  it('leaves out what is no policy, and policies of no virtual host', () => {
    const component = 'operator_policy';
    const good = { pattern: '', definition: { expires: 5 }, priority: 0 };
    const set = (vhost: string, value: JsonValue): string | undefined =>
      state.restore({ kind: 'parameter-set', parameter: { vhost, component, name: 'p', value } });
    expect(set('v', { ...good, pattern: '(' })).toContain('Validation failed');
    expect(set('w', good)).toBe('vhost w not found');
    expect([...state.parameters.all()]).toHaveLength(1);
    expect(set('v', good)).toBeUndefined();
    expect([...state.parameters.all()]).toHaveLength(2);
  });

  it('does not give the policies of a virtual host whose deletion is lost to the next one', () => {
    const value = { pattern: '', definition: { expires: 5 }, priority: 0 };
    const parameter = { vhost: 'v', component: 'policy', name: 'p', value };
    state.restore({ kind: 'parameter-set', parameter });
    expect(state.restore({ kind: 'vhost-created', vhost: 'v' })).toContain('is lost');
    expect([...state.parameters.all()]).toEqual([]);
  });

  it('knows the default queue type of a virtual host from its metadata', () => {
    const component = 'vhost-metadata';
    const set = (type: JsonValue): string | undefined => {
      const value = { description: 'd', default_queue_type: type };
      const parameter = { vhost: 'v', component, name: 'v', value };
      return state.apply({ kind: 'parameter-set', parameter });
    };
    expect(set('quorum')).toBeUndefined();
    expect(state.topology.defaultQueueType('v')).toBe('quorum');
    expect(set('stream')).toBe(
      '"stream" is not a valid default_queue_type value (classic or quorum)',
    );
    expect(state.topology.defaultQueueType('v')).toBe('quorum');
    const parameter = { vhost: 'v', component, name: 'v' };
    expect(state.apply({ kind: 'parameter-deleted', parameter })).toBeUndefined();
    expect(state.topology.defaultQueueType('v')).toBe('classic');
  });

  it('gives a new virtual host the operator policies of the configuration', () => {
    const preset = { queuePattern: '^q', applyTo: 'queues', definition: { 'max-length': 5 } };
    state = new BrokerState(new Topology({ shardCount: 1 }), [
      { ...preset, name: 'limits', vhostPattern: '^prod' },
      { ...preset, name: 'others', vhostPattern: '^other' },
    ]);
    const { facts } = state.execute({ kind: 'create-vhost', vhost: 'prod-1' });
    expect(facts.map(({ kind }) => kind)).toEqual(['vhost-created', 'parameter-set']);
    expect([...state.parameters.all()]).toEqual([
      {
        vhost: 'prod-1',
        component: 'operator_policy',
        name: 'limits',
        value: {
          pattern: '^q',
          definition: { 'max-length': 5 },
          priority: 0,
          'apply-to': 'queues',
        },
      },
    ]);
    const declared = state.execute({
      kind: 'declare-queue',
      vhost: 'prod-1',
      name: 'q',
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: {},
      connectionId: 1,
    });
    expect(declared.queue?.policy?.operatorName).toBe('limits');
  });

  it.each([
    [{ kind: 'user-deleted', user: 'x' }, "user 'x' does not exist"],
    [{ kind: 'permission-deleted', user: 'x', vhost: 'v' }, "user 'x' does not exist"],
    [{ kind: 'topic-permission-deleted', user: 'x', vhost: 'v' }, "user 'x' does not exist"],
    [{ kind: 'user-limits-set', user: 'x', limits: {} }, "user 'x' does not exist"],
    [
      { kind: 'parameter-deleted', parameter: { vhost: 'v', component: 'c', name: 'n' } },
      "parameter 'n' does not exist",
    ],
  ] satisfies [Fact, string][])('says what %o does not fit', (fact, problem) => {
    const before = [...state.facts()];
    expect(state.restore(fact)).toBe(problem);
    expect([...state.facts()]).toEqual(before);
  });
});
