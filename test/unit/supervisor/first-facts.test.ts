// What a new store holds before anybody has changed anything.
import { expect, it } from 'vitest';
import { BrokerState } from '../../../src/supervisor/facts/broker-state.ts';
import { makeNew } from '../../../src/supervisor/first-facts.ts';
import { Topology } from '../../../src/topology/topology.ts';

const DEFAULTS = { defaultVhost: 'v', defaultUser: 'u', defaultPass: 'p' };

function newState(): BrokerState {
  const state = new BrokerState(new Topology({ shardCount: 1 }), []);
  makeNew(state, DEFAULTS);
  return state;
}

it('is the default virtual host, and its user', () => {
  const state = newState();
  expect([...state.topology.vhosts()]).toEqual(['v']);
  expect(state.users.authenticate('PLAIN', 'u', 'p')).toBe('ok');
  expect(state.users.find('u')!.permissions.has('v')).toBe(true);
});

it('is an id of its own, which is kept', () => {
  const idOf = (state: BrokerState) =>
    state.parameters.find('', 'global-parameter', 'internal_cluster_id');
  const state = newState();
  expect(idOf(state)).toMatch(/^rabbitmq-cluster-id-[\w-]{22}$/u);
  expect(idOf(newState())).not.toBe(idOf(state));
  const kept = [...state.facts()].find(({ kind }) => kind === 'parameter-set');
  expect(kept).toMatchObject({ parameter: { name: 'internal_cluster_id', value: idOf(state) } });
});
