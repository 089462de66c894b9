// What main keeps besides the topology: users, permissions and parameters, restored from facts.
import { beforeEach, describe, expect, it } from 'vitest';
import { BrokerState } from '../../../../src/supervisor/facts/broker-state.ts';
import type { Fact } from '../../../../src/supervisor/facts/fact.ts';
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
