// HTTP basic authentication (RFC 7617) by the backends that check all logins. Main thread. Every
// request logs in by itself: there are no sessions. The loopback rule counts from the address of
// the socket, so a proxy on this machine makes all its clients local.
// Invariant: which of user name and password was wrong is told to nobody; no password is logged.
import type { IncomingMessage } from 'node:http';
import type { Identity } from '../auth/backend.ts';
import type { Logger } from '../base/logger.ts';
import { accessRefused, badRequest, notAuthenticated } from './http-refusal.ts';
import type { ManagementSource } from './source.ts';

const COLON = 0x3a;
/** User names in the log are what a stranger sent. */
const LOGGED_NAME_CHARACTERS_MAX = 64;

export interface Credentials {
  readonly username: string;
  /** Bytes, as in SASL: they are hashed as they come. */
  readonly password: Uint8Array;
}

/** Undefined when the header asks for no basic authentication; throws when it does so wrongly. */
export function parseAuthorization(header: string | undefined): Credentials | undefined {
  const encoded = /^basic +(?<encoded>[\w+/=-]*) *$/iu.exec(header ?? '')?.groups?.['encoded'];
  if (encoded === undefined) {
    if (/^basic\b/iu.test(header ?? '')) throw malformed();
    return undefined;
  }
  const decoded = Buffer.from(encoded, 'base64');
  const colon = decoded.indexOf(COLON);
  if (colon < 0) throw malformed();
  return {
    username: decoded.toString('utf8', 0, colon),
    password: Uint8Array.from(decoded.subarray(colon + 1)),
  };
}

function malformed(): Error {
  return badRequest('The Authorization header is not "Basic" and base64 of "user:password"');
}

/** The user who sent the request; throws a refusal when there is none. */
export async function logIn(
  request: IncomingMessage,
  logins: ManagementSource['logins'],
  log: Logger,
): Promise<Identity> {
  const credentials = parseAuthorization(request.headers.authorization);
  if (credentials === undefined) throw notAuthenticated();
  const { username } = credentials;
  const remoteAddress = request.socket.remoteAddress ?? '';
  const outcome = await logins.logInRequest(credentials, remoteAddress);
  if (outcome === 'refused') {
    logRefusal(log, username, remoteAddress, 'user name or password is wrong');
    throw notAuthenticated();
  }
  if (outcome === 'not-from-there') {
    const reason = 'User can only log in via localhost';
    logRefusal(log, username, remoteAddress, reason);
    throw accessRefused(reason);
  }
  return outcome;
}

function logRefusal(log: Logger, username: string, remoteAddress: string, reason: string): void {
  const user = username.slice(0, LOGGED_NAME_CHARACTERS_MAX);
  log.warn('HTTP access denied', { user, from: remoteAddress, reason });
}
