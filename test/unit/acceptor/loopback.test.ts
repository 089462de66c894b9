// Test thread. Which sockets the broker asks the kernel to send on at once. Whether a request came
// to the kernel shows by its refusal of an algorithm that there is not.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLocal, LoopbackSockets } from '../../../src/acceptor/loopback.ts';
import { missingAddonReason } from '../../../src/base/addon.ts';

const NONESUCH = 'nonesuch' as 'reno';
const isSupported = missingAddonReason() === '' && process.platform === 'linux';

let server: Server;
let client: Socket;
let accepted: Socket;
let failures: string[];

beforeEach(async () => {
  failures = [];
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  [accepted] = (await once(server, 'connection')) as [Socket];
});

afterEach(() => {
  client.destroy();
  accepted.destroy();
  server.close();
});

function socketsWith(algorithm: 'reno' | 'system'): LoopbackSockets {
  return new LoopbackSockets({ loopbackCongestionControl: algorithm }, (reason) => {
    failures.push(reason);
  });
}

test.skipIf(!isSupported)('the kernel is asked for what is configured', () => {
  socketsWith('reno').accepted(accepted);
  expect(failures).toEqual([]);
  socketsWith(NONESUCH).accepted(accepted);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(/^TCP_CONGESTION = nonesuch: .*No such file/);
});

test.skipIf(!isSupported)('what fails is told once and not tried again', () => {
  const sockets = socketsWith(NONESUCH);
  sockets.accepted(accepted);
  sockets.accepted(accepted);
  expect(failures).toHaveLength(1);
});

test('clients of other machines are left alone, and all with `system`', () => {
  const remote = Object.create(accepted, {
    remoteAddress: { value: '192.0.2.7' },
    localAddress: { value: '192.0.2.8' },
  }) as Socket;
  socketsWith(NONESUCH).accepted(remote);
  socketsWith('system').accepted(accepted);
  expect(failures).toEqual([]);
});

test('a socket that is closed, or no socket of the kernel, is passed over', () => {
  accepted.destroy();
  const sockets = socketsWith(NONESUCH);
  sockets.accepted(accepted);
  sockets.accepted({ remoteAddress: '127.0.0.1' } as Socket);
  expect(failures).toEqual([]);
});

test.each([
  ['127.0.0.1', '127.0.0.1', true],
  ['127.8.9.1', '10.0.0.1', true],
  ['::1', '::1', true],
  ['::ffff:127.0.0.1', '::ffff:127.0.0.1', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['fe80::7', 'fe80::7', true],
  ['10.0.0.2', '10.0.0.1', false],
  ['::ffff:192.0.2.127', '::ffff:192.0.2.8', false],
  ['fe80::127', 'fe80::7', false],
  [undefined, undefined, false],
])('from %s to %s is on this machine: %s', (remoteAddress, localAddress, local) => {
  expect(isLocal({ remoteAddress, localAddress } as Socket)).toBe(local);
});
