// Who checks logins: the narrow interface behind which the broker's own users are one of several
// (RabbitMQ: auth_backends). Main thread. Backends are asked in the order of the configuration
// until one agrees; the one that did says what its user may do.
import type { Credentials } from './sasl.ts';
import { type Access, accessOf, type Users } from './users.ts';

export interface Login extends Credentials {
  readonly mechanism: string;
}

/** A login that a backend has agreed to. */
export interface LoggedIn {
  /** As whom: most often the name that the client gave. */
  readonly username: string;
  /** Beside those that the broker's own user of that name has. */
  readonly tags: readonly string[];
  /**
   * What the user may do in a virtual host; undefined: not even connect to it. A backend without it
   * only says who somebody is: the permissions are those of the broker's own user of that name.
   */
  readonly access?: ((vhost: string) => Access | undefined) | undefined;
  /** connection.update-secret: false refuses it. Without it every secret is taken. */
  readonly refresh?: ((secret: Uint8Array) => boolean | Promise<boolean>) | undefined;
}

export interface AuthBackend {
  /** What auth_backends calls it. */
  readonly name: string;
  /** Undefined: refused. A backend that throws has refused too. */
  authenticate(login: Login): LoggedIn | undefined | Promise<LoggedIn | undefined>;
}

/** The users of the broker. */
export class InternalBackend implements AuthBackend {
  readonly name = 'internal';
  private readonly users: Users;

  constructor(users: Users) {
    this.users = users;
  }

  authenticate({ mechanism, username, password }: Login): LoggedIn | undefined {
    const isKnown =
      password === undefined
        ? this.users.find(username) !== undefined
        : this.users.authenticate(mechanism, username, password) === 'ok';
    return isKnown ? { username, tags: [] } : undefined;
  }
}

/** Throws when the configuration names a backend that nobody provides: better no broker at all. */
export function chosenBackends(
  names: readonly string[],
  provided: readonly AuthBackend[],
): AuthBackend[] {
  return names.map((name) => {
    const backend = provided.find((each) => each.name === name);
    if (backend !== undefined) return backend;
    const known = provided.map((each) => each.name).join(', ');
    throw new Error(`auth_backends names '${name}', which nothing provides (there is: ${known})`);
  });
}

/** Who somebody is who has no connection, such as the sender of an HTTP request. */
export interface Identity {
  readonly name: string;
  readonly tags: readonly string[];
  /** As of now; undefined: not even connect to the virtual host. */
  accessTo(vhost: string): Access | undefined;
}

export function identityOf(users: Users, loggedIn: LoggedIn): Identity {
  const { username, tags, access } = loggedIn;
  // A backend that says what its user may do knows the user's tags as well.
  const own = access === undefined ? (users.find(username)?.tags ?? []) : [];
  return {
    name: username,
    tags: [...new Set([...tags, ...own])],
    accessTo: (vhost) => accessFor(users, loggedIn, vhost),
  };
}

/** Asks one backend after the other; undefined: none takes the login. */
export async function authenticate(
  backends: readonly AuthBackend[],
  login: Login,
): Promise<LoggedIn | undefined> {
  for (const backend of backends) {
    const loggedIn = await agreed(backend, login);
    if (loggedIn !== undefined) return loggedIn;
  }
  return undefined;
}

async function agreed(backend: AuthBackend, login: Login): Promise<LoggedIn | undefined> {
  try {
    return await backend.authenticate(login);
  } catch {
    // One that is out of order lets nobody in, and leaves the others to be asked.
    return undefined;
  }
}

/** What the user may do in a virtual host; undefined: not even connect to it. */
export function accessFor(users: Users, loggedIn: LoggedIn, vhost: string): Access | undefined {
  if (loggedIn.access !== undefined) {
    const given = loggedIn.access(vhost);
    return given && { ...given, tags: [...new Set([...loggedIn.tags, ...given.tags])] };
  }
  const user = users.find(loggedIn.username);
  const access = user && accessOf(user, vhost);
  return access && { ...access, tags: [...new Set([...loggedIn.tags, ...access.tags])] };
}
