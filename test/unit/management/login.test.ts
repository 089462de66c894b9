// Basic authentication: what a header means, and who gets in from where.
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpRefusal } from '../../../src/management/http-refusal.ts';
import { logIn, parseAuthorization } from '../../../src/management/login.ts';
import { FakeBroker, memoryLog } from './fixture.ts';

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

describe('parseAuthorization', () => {
  it.each([
    ['guest:guest', 'guest', 'guest'],
    ['a:b:c', 'a', 'b:c'],
    [':', '', ''],
    ['ü:pass wörd', 'ü', 'pass wörd'],
  ])('reads %j', (text, username, password) => {
    const credentials = parseAuthorization(basic(text));
    expect(credentials?.username).toBe(username);
    expect(Buffer.from(credentials!.password).toString()).toBe(password);
  });

  it('ignores the case of the scheme and spaces around', () => {
    expect(parseAuthorization(`bASIC   ${basic('a:b').slice(6)} `)?.username).toBe('a');
  });

  it.each([undefined, '', 'Bearer abc', 'Digest x', 'Basically x'])(
    'finds no credentials in %j',
    (header) => expect(parseAuthorization(header)).toBeUndefined(),
  );

  it.each(['Basic', 'Basic ', basic('no colon'), 'Basic !!!', `${basic('a:b')} more`])(
    'refuses %j as malformed',
    (header) => expect(() => parseAuthorization(header)).toThrow(/^400 /u),
  );
});

describe('logIn', () => {
  const source = new FakeBroker();

  async function attempt(credentials: string, remoteAddress: string) {
    const { log, records } = memoryLog();
    const request = { headers: { authorization: basic(credentials) }, socket: { remoteAddress } };
    try {
      const { name } = await logIn(request as unknown as IncomingMessage, source.logins, log);
      return { user: name, records };
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      return { refusal: error, records };
    }
  }

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])('lets guest in from %s', async (address) => {
    expect(await attempt('guest:guest', address)).toEqual({ user: 'guest', records: [] });
  });

  it('keeps guest out from elsewhere, and says why to who knows the password', async () => {
    const { refusal } = await attempt('guest:guest', '192.0.2.1');
    expect(refusal?.status).toBe(401);
    expect(refusal?.body).toEqual({
      error: 'not_authorised',
      reason: 'User can only log in via localhost',
    });
    const wrong = await attempt('guest:wrong', '192.0.2.1');
    expect(wrong.refusal?.body).toEqual({
      error: 'not_authorized',
      reason: 'Not_Authorized',
    });
  });

  it('lets other users in from anywhere', async () => {
    expect((await attempt('manager:p', '192.0.2.1')).user).toBe('manager');
  });

  it.each(['guest:wrong', 'guest:', 'stranger:p', ':'])(
    'refuses %s all the same',
    async (credentials) => {
      const { refusal, records } = await attempt(credentials, '127.0.0.1');
      expect([refusal?.status, refusal?.body, refusal?.headers]).toEqual([
        401,
        { error: 'not_authorized', reason: 'Not_Authorized' },
        { 'www-authenticate': 'Basic realm="RabbitMQ Management"' },
      ]);
      expect(records.map(({ level, message }) => [level, message])).toEqual([
        ['warning', 'HTTP access denied'],
      ]);
    },
  );

  it('logs who was refused, cut short, and never the password', async () => {
    const { records } = await attempt(`${'x'.repeat(1000)}:secret-word`, '192.0.2.1');
    expect(records[0]?.fields).toMatchObject({ user: 'x'.repeat(64), from: '192.0.2.1' });
    expect(JSON.stringify(records)).not.toContain('secret-word');
  });
});
