// TLS sockets on their way to being connections: whose turn comes later, who is given up, who only
// knocks, and that what was written is called back when it is encrypted and sent, in order.
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultConfig } from '../../../src/config/load-config.ts';
import { tlsOptionsOf } from '../../../src/config/tls-settings.ts';
import { TlsListener, type TlsOpening } from '../../../src/acceptor/tls-listener.ts';
import type { StreamReader } from '../../../src/acceptor/socket-reader.ts';
import { readMaterial } from '../../../src/tls/read-material.ts';
import type { TlsMaterial } from '../../../src/tls/tls-material.ts';
import { describeWithCertificates } from '../../support/certificates.ts';
import { Inbox } from '../../support/inbox.ts';

const OPENING_MILLIS = 60_000;

describeWithCertificates('a TLS listener', (certificates) => {
  const ca = fs.readFileSync(certificates.authority.certFile);
  let material: TlsMaterial;
  let listener: TlsListener;
  let port: number;
  let waits: boolean;
  let openings: TlsOpening[];
  let sockets: Inbox<tls.TLSSocket>;
  let failures: Inbox<string>;
  let received: Buffer[];
  let ends: Inbox<true>;

  beforeEach(async () => {
    const { certFile: sslCertFile, keyFile: sslKeyFile } = certificates.server;
    const config = defaultConfig({ sslCertFile, sslKeyFile });
    const read = readMaterial(tlsOptionsOf(config, 'ssl'), 'ssl_options');
    if ('problems' in read) throw new Error(read.problems.join());
    ({ material } = read);
    [waits, openings, received] = [false, [], []];
    [sockets, failures, ends] = [new Inbox(), new Inbox(), new Inbox()];
    listener = new TlsListener(
      {
        host: '127.0.0.1',
        port: 0,
        shared: false,
        handshakeMillisMax: 5000,
        openingMillisMax: OPENING_MILLIS,
        arrived: (opening) => {
          openings.push(opening);
          return waits;
        },
        onSocket: (socket) => {
          sockets.push(socket);
          return reader;
        },
        onFailure: (_client, { code }) => failures.push(code),
      },
      material,
    );
    port = await listener.listen();
  });

  afterEach(() => listener.close());

  const reader: StreamReader = {
    received: (buffer, count, goesOn) => {
      expect(goesOn).toBe(true);
      received.push(Buffer.from(buffer.bytes.subarray(0, count)));
    },
    ended: () => ends.push(true),
  };

  function connect(): tls.TLSSocket {
    const socket = tls.connect({ port, host: '127.0.0.1', ca });
    socket.on('error', () => undefined);
    return socket;
  }

  /** However: a reset is one way. */
  function closed(socket: net.Socket): Promise<void> {
    socket.on('error', () => undefined);
    return new Promise((resolve) => socket.on('close', () => resolve()));
  }

  it('reads what is sent and tells of the end', async () => {
    const client = connect();
    const bytes = Buffer.alloc(300_000, 'abc');
    client.end(bytes);
    await sockets.next('a connection');
    await ends.next('its end');
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
  });

  it('reads no byte before the turn of a socket has come', async () => {
    waits = true;
    const client = connect();
    const secured = once(client, 'secureConnect');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(openings).toHaveLength(1);
    expect(client.authorized).toBe(false);
    expect(openings[0].isUsable).toBe(true);
    openings[0].flow.whileWaiting(() => Promise.resolve());
    await secured;
    (await sockets.next('a connection')).destroy();
  });

  it('gives up who takes too long, turn or no turn', async () => {
    waits = true;
    const waiting = connect();
    waits = false;
    const silent = net.connect(port, '127.0.0.1');
    await Promise.all([closed(waiting), closed(silent), sweepWhen(2)]);
    expect(await failures.next('a failure')).toBe('ERR_TLS_HANDSHAKE_TIMEOUT');
    expect(await failures.next('a failure')).toBe('ERR_TLS_HANDSHAKE_TIMEOUT');
    expect(openings.map(({ isUsable }) => isUsable)).toEqual([false, false]);
  });

  /** As if the time for opening had passed. */
  async function sweepWhen(count: number): Promise<void> {
    while (openings.length < count) await new Promise((resolve) => setImmediate(resolve));
    listener.sweep(performance.now() + OPENING_MILLIS - 1000);
    expect(openings.every(({ isUsable }) => isUsable)).toBe(true);
    listener.sweep(performance.now() + OPENING_MILLIS + 1);
  }

  it('does not mind who only knocks, and tells of who leaves halfway', async () => {
    const knocking = net.connect(port, '127.0.0.1');
    await once(knocking, 'connect');
    await closed(knocking.destroy());
    const leaving = net.connect(port, '127.0.0.1');
    leaving.end(Buffer.of(0x16, 3, 1, 2));
    expect(await failures.next('a failure')).toBe('ECONNRESET');
    const wrong = net.connect(port, '127.0.0.1');
    wrong.on('error', () => undefined);
    wrong.write('AMQP\0\0\x09\x01AMQP');
    expect(await failures.next('another failure')).toMatch(/^ERR_SSL_/u);
  });

  it('lets go of sockets without a connection when it closes, and of no others', async () => {
    const client = connect();
    const own = await sockets.next('a connection');
    waits = true;
    const waiting = connect();
    while (openings.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const gone = closed(waiting);
    listener.close();
    await gone;
    own.write('still here');
    const [bytes] = (await once(client, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('still here');
    own.destroy();
  });

  it('calls back writes when their memory may be used again', async () => {
    const client = connect();
    const chunks: Buffer[] = [];
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    const own = await sockets.next('a connection');
    // As the slab is: shared memory, of which pieces are written and then used again.
    const memory = Buffer.from(new SharedArrayBuffer(200_000));
    const rounds = 10;
    for (let round = 0; round < rounds; round += 1) {
      memory.fill(65 + round);
      await new Promise<void>((resolve) => {
        own.cork();
        own.write(memory.subarray(0, 150_000));
        own.write(memory.subarray(150_000), () => resolve());
        own.uncork();
      });
    }
    memory.fill(0);
    own.end();
    await once(client, 'end');
    const all = Buffer.concat(chunks);
    expect(all.length).toBe(rounds * memory.length);
    for (let round = 0; round < rounds; round += 1) {
      const part = all.subarray(round * memory.length, (round + 1) * memory.length);
      expect(part.equals(Buffer.alloc(memory.length, 65 + round))).toBe(true);
    }
  });

  it('tells how much has not been sent yet', async () => {
    const client = connect();
    client.pause();
    const own = await sockets.next('a connection');
    own.write(Buffer.alloc(30_000_000));
    const { _handle: handle } = own as unknown as { _handle: { writeQueueSize: number } };
    expect(handle.writeQueueSize).toBeGreaterThan(0);
    own.destroy();
    client.destroy();
  });
});
