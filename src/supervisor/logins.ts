// Who is logged in on which connection. Main thread. A login is kept until its connection has
// ended, because the backend that took it also says what its user may do, and takes new secrets.
// Invariant: a connection that ended while its login was being checked leaves nothing behind.
import {
  accessFor,
  type AuthBackend,
  authenticate,
  chosenBackends,
  InternalBackend,
  type LoggedIn,
} from '../auth/backend.ts';
import { mayConnectFrom } from '../auth/loopback.ts';
import type { Credentials } from '../auth/sasl.ts';
import type { Access, Users } from '../auth/users.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { secretRefused } from '../errors/access-refusals.ts';
import { loginRefused } from '../errors/auth-refusals.ts';
import { vhostAccessRefused } from '../errors/connection-refusals.ts';
import { AmqpError, type Refusal } from '../errors/refusal.ts';

/** For metrics: how many logins were tried, and how they ended. */
export interface LoginCounts {
  attempts: number;
  succeeded: number;
  failed: number;
}

export class Logins {
  readonly counts: LoginCounts;
  private readonly users: Users;
  private readonly backends: readonly AuthBackend[];
  private readonly loopbackUsers: readonly string[];
  /** By connection; undefined while it is being checked. */
  private readonly byConnection: Map<number, LoggedIn | undefined>;

  constructor(users: Users, backends: readonly AuthBackend[], loopbackUsers: readonly string[]) {
    this.counts = { attempts: 0, succeeded: 0, failed: 0 };
    this.users = users;
    this.backends = backends;
    this.loopbackUsers = loopbackUsers;
    this.byConnection = new Map();
  }

  /** The name of the user; throws a refusal. */
  async logIn(
    connectionId: number,
    mechanism: string,
    credentials: Credentials,
    remoteAddress: string,
  ): Promise<string> {
    this.counts.attempts += 1;
    this.byConnection.set(connectionId, undefined);
    const outcome = await this.check({ ...credentials, mechanism }, remoteAddress);
    if ('code' in outcome) {
      this.counts.failed += 1;
      this.byConnection.delete(connectionId);
      throw new AmqpError(outcome);
    }
    this.counts.succeeded += 1;
    if (this.byConnection.has(connectionId)) this.byConnection.set(connectionId, outcome);
    return outcome.username;
  }

  /** What the connection's user may do in a virtual host; undefined: not even connect to it. */
  accessOf(connectionId: number, username: string, vhost: string): Access | undefined {
    return accessFor(this.users, this.loggedIn(connectionId, username), vhost);
  }

  /** The permissions are the broker's own. */
  followsUser(connectionId: number): boolean {
    return this.byConnection.get(connectionId)?.access === undefined;
  }

  /** What the user may do with the new secret; throws 530. */
  async updateSecret(
    connectionId: number,
    username: string,
    vhost: string,
    secret: Uint8Array,
  ): Promise<Access> {
    const { refresh } = this.loggedIn(connectionId, username);
    if (refresh !== undefined && !(await refresh(secret))) {
      throw new AmqpError(secretRefused());
    }
    const access = this.accessOf(connectionId, username, vhost);
    if (access === undefined) throw new AmqpError(vhostAccessRefused(vhost, username));
    return access;
  }

  /** The connection has ended. */
  forget(connectionId: number): void {
    this.byConnection.delete(connectionId);
  }

  private async check(
    login: Parameters<typeof authenticate>[1],
    remoteAddress: string,
  ): Promise<LoggedIn | Refusal> {
    const outcome = await authenticate(this.backends, login);
    if ('code' in outcome) return outcome;
    return mayConnectFrom(outcome.username, remoteAddress, this.loopbackUsers)
      ? outcome
      : loginRefused(login.mechanism);
  }

  private loggedIn(connectionId: number, username: string): LoggedIn {
    return this.byConnection.get(connectionId) ?? { username, tags: [] };
  }
}

/** As the configuration wants them; throws when it names a backend that nobody provides. */
export function loginsOf(
  config: Pick<BrokerConfig, 'authBackends' | 'loopbackUsers'>,
  users: Users,
  ofPlugins: readonly AuthBackend[],
): Logins {
  const all = [new InternalBackend(users), ...ofPlugins];
  const backends = chosenBackends(config.authBackends, all);
  return new Logins(users, backends, config.loopbackUsers);
}
