// Where an acceptor takes clients in: its listeners, with and without TLS, and what becomes of the
// sockets that they accept. Acceptor thread; cold. A connection does not know what it came by, but
// for what TLS tells of its client (Connection.tls).
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ListenerAddress } from '../config/broker-config.ts';
import type { TlsMaterial } from '../tls/tls-material.ts';
import type { Acceptor } from './acceptor.ts';
import { Admissions } from './admissions.ts';
import type { Connection } from './connection.ts';
import { socketName } from './connection-info.ts';
import { ConnectionReader } from './connection-reader.ts';
import { Listener } from './listener.ts';
import { LoopbackSockets } from './loopback.ts';
import type { SocketReader } from './socket-reader.ts';
import { TlsListener } from './tls-listener.ts';
import { tlsPeerOf } from './tls-peer.ts';

/**
 * One read, and one while large bodies come. Measured with bodies of 256 KiB and 1 MiB: 64 KiB 1.2
 * and 1.6 GB/s, 256 KiB 1.6 and 1.9 GB/s, 1 MiB 1.7 and 2.0 GB/s; small messages do not notice up
 * to 256 KiB and lose beyond (the buffer leaves the cache). 2 MiB take a tenth less CPU than 1 MiB,
 * 4 MiB no less.
 */
const READ_BYTES = 256 * 1024;
const LARGE_READ_BYTES = 2 * 1024 * 1024;

/** For metrics. */
export interface TlsCounts {
  handshakes: number;
  failures: number;
}

export class Listeners {
  readonly tlsCounts: TlsCounts;
  private readonly acceptor: Acceptor;
  private readonly admissions: Admissions;
  private readonly loopback: LoopbackSockets;
  private readonly plain: Listener[];
  private readonly secure: TlsListener[];
  private material: TlsMaterial | undefined;
  private isStopping: boolean;

  constructor(acceptor: Acceptor) {
    const { acceptPerSecond, acceptors } = acceptor.config;
    this.tlsCounts = { handshakes: 0, failures: 0 };
    this.acceptor = acceptor;
    this.admissions = new Admissions(acceptPerSecond / acceptors);
    this.loopback = new LoopbackSockets(acceptor.config, (reason) => {
      const key = 'socket.loopback_congestion_control';
      acceptor.log.warn('cannot be set: connections on this machine are slower', { key, reason });
    });
    this.plain = [];
    this.secure = [];
    this.material = undefined;
    this.isStopping = false;
  }

  /** Resolves with the port that was bound. */
  listen(address: ListenerAddress, shared: boolean): Promise<number> {
    const listener = new Listener({
      host: address.host,
      port: address.port,
      shared,
      readBytes: Math.min(READ_BYTES, this.acceptor.config.readBudgetBytes),
      largeReadBytes: LARGE_READ_BYTES,
      onSocket: (socket) => this.accept(socket),
    });
    this.plain.push(listener);
    return listener.listen();
  }

  /** As `listen`; `useTls` has been called before. */
  listenTls({ host, port }: ListenerAddress, shared: boolean): Promise<number> {
    const { sslHandshakeTimeoutMillis, handshakeTimeoutMillis } = this.acceptor.config;
    const options = {
      host,
      port,
      shared,
      handshakeMillisMax: Math.min(sslHandshakeTimeoutMillis, handshakeTimeoutMillis),
      openingMillisMax: handshakeTimeoutMillis,
      arrived: this.admissions.arrived.bind(this.admissions),
      onSocket: (socket: TLSSocket, openBy: number) => this.acceptSecure(socket, openBy),
      onFailure: (client: string, { code, reason }: { code: string; reason: string }) => {
        this.tlsCounts.failures += 1;
        this.acceptor.log.warn('TLS handshake failed', { client, code, reason });
      },
    };
    const listener = new TlsListener(options, this.material!);
    this.secure.push(listener);
    return listener.listen();
  }

  /** For listeners to come, and the next handshakes of those that are there. */
  useTls(material: TlsMaterial): void {
    this.material = material;
    for (const listener of this.secure) listener.renew(material);
  }

  /** A socket without TLS. */
  accept(socket: Socket): SocketReader {
    const { acceptor } = this;
    this.loopback.accepted(socket);
    const connection = acceptor.connect(socket, socketName(socket));
    if (this.isStopping) socket.destroy();
    else this.admissions.arrived(connection);
    return new ConnectionReader(connection);
  }

  /** A socket after its handshake; it has had its turn before that. */
  private acceptSecure(socket: TLSSocket, openBy: number): SocketReader {
    const { acceptor } = this;
    this.tlsCounts.handshakes += 1;
    this.loopback.accepted(socket);
    const connection = acceptor.connect(socket, socketName(socket));
    connection.tls = tlsPeerOf(socket, acceptor.config);
    this.checkName(connection);
    connection.heartbeat.openBy(openBy);
    return new ConnectionReader(connection);
  }

  /** The client would only find that EXTERNAL is not offered. */
  private checkName({ name, tls }: Connection): void {
    const { authMechanisms, sslCertLoginFrom } = this.acceptor.config;
    if (!authMechanisms.includes('EXTERNAL')) return;
    if (tls?.facts.peer === undefined || tls.loginName !== undefined) return;
    this.acceptor.log.warn('certificate without a user name: EXTERNAL is not offered', {
      connection: name,
      subject: tls.facts.peer.subject,
      ssl_cert_login_from: sslCertLoginFrom,
    });
  }

  sweep(now: number): void {
    for (const listener of this.secure) listener.sweep(now);
  }

  /** Listens no more; connections stay. */
  close(): void {
    for (const listener of this.plain.splice(0)) listener.close();
    for (const listener of this.secure.splice(0)) listener.close();
  }

  /** No new connections ever. */
  stop(): void {
    this.isStopping = true;
    this.admissions.stop();
  }
}
