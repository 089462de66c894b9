// Who is logged in on which connection, and who sends a request of HTTP: the same backends check
// both. Main thread. A login is kept until its connection has ended, because the backend that took
// it also says what its user may do, and takes new secrets; one of a request is kept by nobody.
// Invariant: a connection that ended while its login was being checked leaves nothing behind.
import {
  accessFor,
  type AuthBackend,
  authenticate,
  chosenBackends,
  type Identity,
  identityOf,
  InternalBackend,
  type LoggedIn,
  type Login,
} from '../auth/backend.ts';
import { mayConnectFrom } from '../auth/loopback.ts';
import type { Credentials } from '../auth/sasl.ts';
import type { Access, Users } from '../auth/users.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { secretRefused } from '../errors/access-refusals.ts';
import { loginRefused } from '../errors/auth-refusals.ts';
import { vhostAccessRefused } from '../errors/connection-refusals.ts';
import { AmqpError } from '../errors/refusal.ts';

/** What backends are told of a login by HTTP basic authentication. */
const HTTP_BASIC = 'Basic';

/** For metrics: how many logins were tried, and how they ended. */
export interface LoginCounts {
  attempts: number;
  succeeded: number;
  failed: number;
}

/** Why there is no login: no backend takes it, or its user may not come from that address. */
export type LoginFailure = 'refused' | 'not-from-there';

export class Logins {
  /** Of AMQP clients. */
  readonly counts: LoginCounts;
  /** Of requests to the HTTP API. */
  readonly requestCounts: LoginCounts;
  private readonly users: Users;
  private readonly backends: readonly AuthBackend[];
  private readonly loopbackUsers: readonly string[];
  /** By connection; undefined while it is being checked. */
  private readonly byConnection: Map<number, LoggedIn | undefined>;

  constructor(users: Users, backends: readonly AuthBackend[], loopbackUsers: readonly string[]) {
    this.counts = { attempts: 0, succeeded: 0, failed: 0 };
    this.requestCounts = { attempts: 0, succeeded: 0, failed: 0 };
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
    this.byConnection.set(connectionId, undefined);
    const outcome = await this.check({ ...credentials, mechanism }, remoteAddress, this.counts);
    if (typeof outcome === 'string') {
      this.byConnection.delete(connectionId);
      throw new AmqpError(loginRefused(mechanism));
    }
    if (this.byConnection.has(connectionId)) this.byConnection.set(connectionId, outcome);
    return outcome.username;
  }

  /** Who sends an HTTP request. */
  async logInRequest(
    credentials: Credentials,
    remoteAddress: string,
  ): Promise<Identity | LoginFailure> {
    const login = { ...credentials, mechanism: HTTP_BASIC };
    const outcome = await this.check(login, remoteAddress, this.requestCounts);
    return typeof outcome === 'string' ? outcome : identityOf(this.users, outcome);
  }

  /** Whether some backend takes them, from wherever they come; nobody logs in. */
  async areValid(credentials: Credentials): Promise<boolean> {
    const login = { ...credentials, mechanism: HTTP_BASIC };
    return (await authenticate(this.backends, login)) !== undefined;
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
    login: Login,
    remoteAddress: string,
    counts: LoginCounts,
  ): Promise<LoggedIn | LoginFailure> {
    counts.attempts += 1;
    const loggedIn = await authenticate(this.backends, login);
    const outcome = this.outcomeOf(loggedIn, remoteAddress);
    counts[typeof outcome === 'string' ? 'failed' : 'succeeded'] += 1;
    return outcome;
  }

  private outcomeOf(
    loggedIn: LoggedIn | undefined,
    remoteAddress: string,
  ): LoggedIn | LoginFailure {
    if (loggedIn === undefined) return 'refused';
    const isAllowed = mayConnectFrom(loggedIn.username, remoteAddress, this.loopbackUsers);
    return isAllowed ? loggedIn : 'not-from-there';
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
