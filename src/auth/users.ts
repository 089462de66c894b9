// The users of the broker, their tags and permissions: what the internal backend of RabbitMQ keeps
// (rabbit_auth_backend_internal). Main thread; synchronous, no I/O.
// Invariant: a failed login hashes once and says the same whether the user exists or not.
import { loginRefused } from '../errors/auth-refusals.ts';
import type { Refusal } from '../errors/refusal.ts';
import { type HashingAlgorithm, hashPassword, verifyPassword } from './password.ts';

/** Regular expressions over names of queues and exchanges; an empty one matches nothing. */
export interface Permission {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const FULL_PERMISSION: Permission = { configure: '.*', write: '.*', read: '.*' };

/** Regular expressions over the routing keys of one topic exchange. */
export interface TopicPermission {
  readonly write: string;
  readonly read: string;
}

/** By exchange. */
export type TopicPermissions = ReadonlyMap<string, TopicPermission>;

/** As RabbitMQ names and counts them: below zero or absent is no limit, 0 is none at all. */
export interface UserLimits {
  readonly 'max-connections'?: number;
  readonly 'max-channels'?: number;
}

/** What is said about a user in one go; the rest has facts of its own. */
export interface Account {
  readonly name: string;
  /** Empty: nobody can log in as this user with a password. */
  readonly passwordHash: string;
  readonly hashingAlgorithm: HashingAlgorithm;
  readonly tags: readonly string[];
}

export interface User extends Account {
  /** By virtual host; without an entry the user may not even connect to it. */
  readonly permissions: ReadonlyMap<string, Permission>;
  /** By virtual host; an exchange without an entry has all its topics open. */
  readonly topicPermissions?: ReadonlyMap<string, TopicPermissions>;
  readonly limits?: UserLimits;
}

/** What a user may do in one virtual host: plain data, which acceptors are given. */
export interface Access {
  readonly tags: readonly string[];
  readonly permission: Permission;
  readonly topics: TopicPermissions;
}

const NO_TOPIC_PERMISSIONS: TopicPermissions = new Map();

export class Users {
  private readonly byName = new Map<string, User>();
  /** Checked in place of the hash of a user who does not exist. */
  private readonly decoyHash = hashPassword('');

  /** Adds the user, or replaces the one of that name. */
  add(user: User): void {
    this.byName.set(user.name, user);
  }

  remove(name: string): void {
    this.byName.delete(name);
  }

  all(): Iterable<User> {
    return this.byName.values();
  }

  /** Undefined takes the permission away. A user who does not exist stays so. */
  setPermission(name: string, vhost: string, permission: Permission | undefined): void {
    const user = this.byName.get(name);
    if (user === undefined) return;
    const permissions = new Map(user.permissions);
    if (permission === undefined) permissions.delete(vhost);
    else permissions.set(vhost, permission);
    this.byName.set(name, { ...user, permissions });
  }

  /** Undefined takes it away: of one exchange or, without its name, of all in the virtual host. */
  setTopicPermission(
    name: string,
    vhost: string,
    exchange: string | undefined,
    permission: TopicPermission | undefined,
  ): void {
    const user = this.byName.get(name);
    if (user === undefined) return;
    const byExchange = new Map(exchange === undefined ? [] : user.topicPermissions?.get(vhost));
    if (exchange !== undefined && permission !== undefined) byExchange.set(exchange, permission);
    else if (exchange !== undefined) byExchange.delete(exchange);
    const topicPermissions = new Map(user.topicPermissions);
    if (byExchange.size > 0) topicPermissions.set(vhost, byExchange);
    else topicPermissions.delete(vhost);
    this.byName.set(name, { ...user, topicPermissions });
  }

  /** All limits of the user at once. A user who does not exist stays so. */
  setLimits(name: string, limits: UserLimits): void {
    const user = this.byName.get(name);
    if (user !== undefined) this.byName.set(name, { ...user, limits });
  }

  /** A virtual host created later under the same name starts without permissions. */
  forgetVhost(vhost: string): void {
    for (const { name, permissions, topicPermissions } of this.byName.values()) {
      if (permissions.has(vhost)) this.setPermission(name, vhost, undefined);
      if (topicPermissions?.has(vhost)) this.setTopicPermission(name, vhost, undefined, undefined);
    }
  }

  find(name: string): User | undefined {
    return this.byName.get(name);
  }

  /** `mechanism` is only for the text of the refusal. */
  authenticate(mechanism: string, username: string, password: string | Uint8Array): 'ok' | Refusal {
    const user = this.byName.get(username);
    const matches = verifyPassword(
      password,
      user?.passwordHash ?? this.decoyHash,
      user?.hashingAlgorithm ?? 'sha256',
    );
    // A blank password is refused even where it would match, as RabbitMQ does.
    return user !== undefined && matches && password.length > 0 ? 'ok' : loginRefused(mechanism);
  }
}

/** The user of a fresh broker: default_user with all rights in default_vhost. */
export function defaultUser(name: string, password: string, vhost: string): User {
  return {
    name,
    passwordHash: hashPassword(password),
    hashingAlgorithm: 'sha256',
    tags: ['administrator'],
    permissions: new Map([[vhost, FULL_PERMISSION]]),
  };
}

/** Undefined: the user may not connect to the virtual host. */
export function accessOf(user: User, vhost: string): Access | undefined {
  const permission = user.permissions.get(vhost);
  if (permission === undefined) return undefined;
  const topics = user.topicPermissions?.get(vhost) ?? NO_TOPIC_PERMISSIONS;
  return { tags: user.tags, permission, topics };
}
