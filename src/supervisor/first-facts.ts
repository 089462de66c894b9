// What a store holds that is new, as in RabbitMQ: the default virtual host and user, and the id by
// which this broker's data can be told from any other's. Main thread. Once it is there the
// configuration changes none of it.
import { randomBytes } from 'node:crypto';
import { defaultUser } from '../auth/users.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { BrokerState } from './facts/broker-state.ts';
import { GLOBAL_PARAMETERS } from '../topology/own-parameters.ts';

const CLUSTER_ID_BYTES = 16;

type Defaults = Pick<BrokerConfig, 'defaultVhost' | 'defaultUser' | 'defaultPass'>;

export function makeNew(state: BrokerState, config: Defaults): void {
  const { defaultVhost, defaultPass } = config;
  state.execute({ kind: 'create-vhost', vhost: defaultVhost });
  state.users.add(defaultUser(config.defaultUser, defaultPass, defaultVhost));
  // In the form of RabbitMQ's, which tools use to tell clusters apart.
  const value = `rabbitmq-cluster-id-${randomBytes(CLUSTER_ID_BYTES).toString('base64url')}`;
  state.parameters.set({ ...GLOBAL_PARAMETERS, name: 'internal_cluster_id', value });
}
