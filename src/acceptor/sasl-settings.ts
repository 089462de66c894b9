// What logging in on one connection goes by: the configuration and its transport. Acceptor thread.
import type { SaslSettings } from '../auth/sasl.ts';
import type { Connection } from './connection.ts';

export function saslSettings(connection: Connection): SaslSettings {
  const { authMechanisms, anonymousUser, anonymousPass } = connection.acceptor.config;
  const peerName = connection.tls?.loginName;
  return { mechanisms: authMechanisms, anonymousUser, anonymousPass, peerName };
}
