// Refusals of logging in: the mechanism, the shape of its response, the credentials. Made in the
// acceptor (sasl.ts) and in the main thread (users.ts). All of them end the connection.
// Codes and first words: rabbit_reader (auth_phase, auth_fail) and rabbit_auth_mechanism_* of
// rabbitmq-server v4.3. No text repeats what the client sent as a response: it may be a password.
import { defineRefusal } from './refusal.ts';

/**
 * One text for an unknown user, a wrong password and a user who may not connect from that address,
 * so that it cannot be used to find out which users there are.
 */
export const loginRefused = defineRefusal(
  {
    id: 'auth.login-refused',
    code: 403,
    scope: 'connection',
    remedy:
      'Check user name and password. Users in loopback_users (by default: guest) can connect ' +
      'from this machine only; create another user for remote clients.',
  },
  (mechanism: string) =>
    `Login was refused using authentication mechanism ${mechanism}. For details see the broker ` +
    'logfile. (Check user name and password; users in loopback_users connect from localhost only.)',
);

export const unknownMechanism = defineRefusal(
  {
    id: 'auth.unknown-mechanism',
    code: 503,
    scope: 'connection',
    remedy: 'Use one of the mechanisms that connection.start offers.',
  },
  (mechanism: string, offered: string) =>
    `unknown authentication mechanism '${mechanism}' (offered: ${offered})`,
);

export const malformedPlain = defineRefusal(
  {
    id: 'auth.malformed-plain',
    code: 502,
    scope: 'connection',
    remedy: 'Send NUL, the user name, NUL, the password (RFC 4616), all in UTF-8.',
  },
  (bytes: number, problem: string) =>
    `PLAIN response of ${bytes} bytes invalid: expected NUL, user name, NUL, password; ${problem}`,
);

export const malformedAmqplain = defineRefusal(
  {
    id: 'auth.malformed-amqplain',
    code: 502,
    scope: 'connection',
    remedy: 'Send a field table, without its length, with the strings LOGIN and PASSWORD.',
  },
  (problem: string) => `AMQPLAIN auth info ${problem}`,
);
