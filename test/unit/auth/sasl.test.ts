// SASL responses: PLAIN and AMQPLAIN as clients send them, and as attackers may.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offeredMechanisms, parseSaslResponse, type SaslSettings } from '../../../src/auth/sasl.ts';

const SETTINGS: SaslSettings = {
  mechanisms: ['PLAIN', 'AMQPLAIN', 'ANONYMOUS', 'EXTERNAL'],
  anonymousUser: 'nobody',
  anonymousPass: 'secret',
  peerName: undefined,
};
const OFFERED = 'PLAIN AMQPLAIN ANONYMOUS';

const bytes = (text: string) => Buffer.from(text, 'latin1');

/** One field of a table: a short string as name, then a type and the rest. */
const field = (name: string, type: string, rest: Buffer) =>
  Buffer.concat([Buffer.of(name.length), bytes(name + type), rest]);
const counted = (value: Buffer) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
};
const stringField = (name: string, value: string, type = 'S') =>
  field(name, type, counted(Buffer.from(value, 'utf8')));

const credentials = (mechanism: string, response: Uint8Array) => {
  const outcome = parseSaslResponse(mechanism, response, SETTINGS);
  expect(outcome.refusal).toBeUndefined();
  const { username, password } = outcome.credentials!;
  return [username, Buffer.from(password!).toString('latin1')];
};
const refusal = (mechanism: string, response: Uint8Array, settings = SETTINGS) => {
  const outcome = parseSaslResponse(mechanism, response, settings);
  expect(outcome.credentials).toBeUndefined();
  return `${outcome.refusal!.code} ${outcome.refusal!.text}`;
};

describe('PLAIN', () => {
  it.each([
    ['user and password', '\0user\0pass', ['user', 'pass']],
    ['its own identity to act as', 'user\0user\0pass', ['user', 'pass']],
    ['an empty password', '\0user\0', ['user', '']],
    ['nothing at all', '\0\0', ['', '']],
    ['a password that is not UTF-8', '\0user\0\xff', ['user', '\xff']],
    ['a name in UTF-8', '\0\xc3\xa4\0p', ['ä', 'p']],
  ])('takes %s', (_, response, expected) => {
    expect(credentials('PLAIN', bytes(response))).toEqual(expected);
  });

  it.each([
    ['no NUL', 'user', 'received no NUL'],
    ['nothing', '', 'received no NUL'],
    ['one NUL', '\0user', 'received one NUL'],
    ['a third NUL', '\0user\0pa\0ss', 'received a third NUL'],
    ['a name that is not UTF-8', '\0us\xffer\0pass', 'the user name is not UTF-8'],
    ['an identity that is not UTF-8', '\xff\0user\0pass', 'the user name is not UTF-8'],
  ])('refuses %s', (_, response, problem) => {
    expect(refusal('PLAIN', bytes(response))).toBe(
      `502 SYNTAX_ERROR - PLAIN response of ${response.length} bytes invalid: expected NUL, user name, NUL, password; ${problem}`,
    );
  });

  it('refuses to act as somebody else', () => {
    expect(refusal('PLAIN', bytes('admin\0user\0pass'))).toMatch(
      /^403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN\. /,
    );
  });

  it('copies the password out of the buffer it came in', () => {
    const response = bytes('\0user\0pass');
    const outcome = parseSaslResponse('PLAIN', response, SETTINGS);
    response.fill(0);
    expect(Buffer.from(outcome.credentials!.password!).toString()).toBe('pass');
  });
});

describe('AMQPLAIN', () => {
  const login = stringField('LOGIN', 'user');
  const password = stringField('PASSWORD', 'pass');

  it.each([
    ['both strings', Buffer.concat([login, password])],
    ['the other order', Buffer.concat([password, login])],
    ['more fields', Buffer.concat([login, stringField('X', 'y'), password])],
    ['bytes', Buffer.concat([login, stringField('PASSWORD', 'pass', 'x')])],
  ])('takes %s', (_, response) => {
    expect(credentials('AMQPLAIN', response)).toEqual(['user', 'pass']);
  });

  it('reads a response that lies inside a larger buffer', () => {
    const inside = Buffer.concat([bytes('junk'), login, password, bytes('junk')]);
    expect(credentials('AMQPLAIN', inside.subarray(4, -4))).toEqual(['user', 'pass']);
  });

  it('takes a password that is not UTF-8 as it is', () => {
    const response = Buffer.concat([login, field('PASSWORD', 'S', counted(Buffer.of(0xff)))]);
    expect(credentials('AMQPLAIN', response)).toEqual(['user', '\xff']);
  });

  it.each<[string, Buffer, string]>([
    ['a missing password', login, 'is missing LOGIN or PASSWORD field'],
    ['a missing login', password, 'is missing LOGIN or PASSWORD field'],
    ['an empty table', Buffer.alloc(0), 'is missing LOGIN or PASSWORD field'],
    [
      'a password that is a number',
      Buffer.concat([login, field('PASSWORD', 'I', Buffer.alloc(4))]),
      "uses unsupported type 'signedint' for LOGIN or PASSWORD field",
    ],
    [
      'a login that is not UTF-8',
      Buffer.concat([field('LOGIN', 'S', counted(Buffer.of(0xff))), password]),
      'has a LOGIN that is not UTF-8',
    ],
  ])('refuses %s', (_, response, problem) => {
    expect(refusal('AMQPLAIN', response)).toBe(`502 SYNTAX_ERROR - AMQPLAIN auth info ${problem}`);
  });

  it('refuses what is no table', () => {
    expect(refusal('AMQPLAIN', bytes('garbage'))).toMatch(/^502 SYNTAX_ERROR - /);
  });
});

describe('mechanisms', () => {
  it.each<[string, Partial<SaslSettings>, string]>([
    ['those configured', {}, OFFERED],
    ['no anonymous logins without a user', { anonymousUser: 'none' }, 'PLAIN AMQPLAIN'],
    ['certificates to those who have one', { peerName: 'CN=x' }, `${OFFERED} EXTERNAL`],
    ['their own order', { mechanisms: ['AMQPLAIN', 'PLAIN'] }, 'AMQPLAIN PLAIN'],
  ])('offer %s', (_, settings, expected) => {
    expect(offeredMechanisms({ ...SETTINGS, ...settings }).join(' ')).toBe(expected);
  });

  it('take an anonymous client for the user configured, whatever it says', () => {
    expect(credentials('ANONYMOUS', bytes('trace\xff'))).toEqual(['nobody', 'secret']);
  });

  it.each(['PLAIN', 'ANONYMOUS', 'EXTERNAL'])(
    'that are not offered are refused: %s',
    (mechanism) => {
      const settings = { ...SETTINGS, mechanisms: ['AMQPLAIN'] };
      expect(refusal(mechanism, bytes('\0u\0p'), settings)).toContain('(offered: AMQPLAIN)');
    },
  );

  it.each(['', 'CN=y', '\0*\0*', '\xff'])(
    'take the name of a certificate, whatever comes',
    (text) => {
      const settings = { ...SETTINGS, peerName: 'CN=x' };
      const outcome = parseSaslResponse('EXTERNAL', bytes(text), settings);
      expect(outcome.credentials).toEqual({ username: 'CN=x', password: undefined });
    },
  );

  it.each(['EXTERNAL', 'plain', '', 'PLAIN AMQPLAIN'])("refuses '%s'", (mechanism) => {
    expect(refusal(mechanism, bytes('\0u\0p'))).toBe(
      `503 COMMAND_INVALID - unknown authentication mechanism '${mechanism}' (offered: ${OFFERED})`,
    );
  });

  it('answer any bytes with credentials or a refusal, never with the bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('PLAIN', 'AMQPLAIN'),
        fc.uint8Array({ maxLength: 60 }),
        (mechanism, response) => {
          const { credentials: found, refusal: no } = parseSaslResponse(
            mechanism,
            response,
            SETTINGS,
          );
          expect(found === undefined).not.toBe(no === undefined);
        },
      ),
    );
    const secret = 'hunter2hunter2';
    expect(refusal('PLAIN', bytes(secret))).not.toContain(secret);
    expect(refusal('AMQPLAIN', stringField('PASSWORD', secret))).not.toContain(secret);
  });
});
