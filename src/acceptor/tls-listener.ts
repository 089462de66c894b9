// Accepts TCP sockets and makes TLS connections of them. Acceptor thread. Beside listener.ts, which
// it leaves alone: what both make is a socket with a reader (socket-reader.ts).
//
//   accepted --turn (admissions.ts)--> handshake --good certificate, or none needed--> connection
//
// Until its turn a socket is not read: handshakes cost the most of all that a client can ask for.
// All of this has to be over in ssl_handshake_timeout from the turn and handshake_timeout from the
// start. Bytes that are written are encrypted before the write is called back, so memory that is
// reused after that (output.ts) is never read late.
// Invariant: a socket that was accepted and has sent something ends as a connection, or as one
// failure that is told.
import { EventEmitter } from 'node:events';
import net from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { directIssuers, refusedCertificate } from '../tls/client-certificate.ts';
import { type TlsFailure, tlsFailure } from '../tls/handshake-failure.ts';
import { sendNoTickets } from '../tls/session-tickets.ts';
import { serverOptions, type TlsMaterial } from '../tls/tls-material.ts';
import { listenAt, type ListenPlace } from './listening.ts';
import { endWith, ReadBuffer, readByData, type StreamReader } from './socket-reader.ts';

export interface TlsListenOptions extends ListenPlace {
  readonly handshakeMillisMax: number;
  /** From the beginning. */
  readonly openingMillisMax: number;
  /** Returns whether it has to wait; then `flow.whileWaiting` of it says for what. */
  readonly arrived: (opening: TlsOpening) => boolean;
  /** `openBy`: when the client has to be logged in, on the clock of `performance`. */
  readonly onSocket: (socket: TLSSocket, openBy: number) => StreamReader;
  readonly onFailure: (client: string, failure: TlsFailure) => void;
}

/** A socket that is not yet a connection; an Arrival of admissions.ts. */
export interface TlsOpening {
  readonly isUsable: boolean;
  readonly flow: { whileWaiting(run: () => Promise<void>): void };
}

/** More than the content of a TLS record, which is what is read at a time. */
const READ_BYTES = 64 * 1024;

export class TlsListener {
  private readonly options: TlsListenOptions;
  private readonly tcp: net.Server;
  /** Never listens; it is given sockets. */
  private readonly tls: Server;
  private readonly buffer: ReadBuffer;
  private issuers: ReturnType<typeof directIssuers>;
  /** Sockets without a connection, and by when they have to have one. */
  private readonly opening: Map<net.Socket, number>;

  constructor(options: TlsListenOptions, material: TlsMaterial) {
    this.options = options;
    this.issuers = directIssuers(material);
    this.buffer = new ReadBuffer(READ_BYTES);
    this.opening = new Map();
    this.tcp = net.createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
      this.accepted(socket);
    });
    const handshakeTimeout = options.handshakeMillisMax;
    this.tls = createServer({ ...serverOptions(material), handshakeTimeout });
    sendNoTickets(this.tls);
  }

  /** Resolves with the port that was bound. */
  async listen(): Promise<number> {
    const port = await listenAt(this.tcp, this.options);
    // Accepting can fail later too, for want of file descriptors: those clients try again.
    this.tcp.on('error', () => {});
    return port;
  }

  /** From now on handshakes go by this; connections that are there stay. */
  renew(material: TlsMaterial): void {
    this.issuers = directIssuers(material);
    this.tls.setSecureContext(serverOptions(material));
    sendNoTickets(this.tls);
  }

  /** Listens no more, and lets go of what is not a connection yet. */
  close(): void {
    this.tcp.close();
    for (const socket of this.opening.keys()) {
      this.opening.delete(socket);
      socket.destroy();
    }
  }

  /** Twice a second. */
  sweep(now: number): void {
    for (const [socket, openBy] of this.opening) {
      if (now < openBy) continue;
      this.failed(socket, clientOf(socket), 'ERR_TLS_HANDSHAKE_TIMEOUT', '');
      socket.destroy();
    }
  }

  private accepted(socket: net.Socket): void {
    const client = clientOf(socket);
    this.opening.set(socket, performance.now() + this.options.openingMillisMax);
    socket.on('error', () => {});
    // Of a handshake that has failed the reason is told after this, if there is one.
    socket.on('close', () => setImmediate(() => this.failed(socket, client, 'ECONNRESET', '')));
    const start = (): void => {
      if (this.opening.has(socket)) this.handshake(socket, client);
    };
    const opening: TlsOpening = {
      get isUsable() {
        return !socket.destroyed;
      },
      flow: { whileWaiting: (run) => void run().then(start) },
    };
    if (!this.options.arrived(opening)) start();
  }

  /**
   * Node's TLS server makes what it needs, and reports to whom it was called on: a stand-in for the
   * server that knows which socket it is about, which the server itself does not say.
   */
  private handshake(socket: net.Socket, client: string): void {
    const { tls } = this;
    const standIn = Object.create(tls) as Server;
    standIn.emit = (event: string, ...args: unknown[]): boolean => {
      if (event === 'secureConnection') this.secured(socket, client, args[0] as TLSSocket);
      else if (event === 'tlsClientError') {
        const [error, secure] = args as [NodeJS.ErrnoException, TLSSocket];
        const code = secure.authorizationError ?? error.code ?? 'unknown';
        this.failed(socket, client, String(code), error.message);
        secure.destroy();
      } else return tls.emit(event, ...args);
      return true;
    };
    EventEmitter.prototype.emit.call(standIn, 'connection', socket);
  }

  private secured(socket: net.Socket, client: string, secure: TLSSocket): void {
    const openBy = this.opening.get(socket);
    const refused = refusedCertificate(secure, this.issuers);
    if (openBy === undefined || refused !== undefined) {
      this.failed(socket, client, refused ?? 'ECONNRESET', '');
      secure.on('error', () => {});
      secure.destroy();
      return;
    }
    this.opening.delete(socket);
    const reader = this.options.onSocket(secure, openBy);
    readByData(secure, reader, this.buffer);
    endWith(secure, reader);
  }

  /** Says so, once; who only looks whether somebody listens has not failed. */
  private failed(socket: net.Socket, client: string, code: string, message: string): void {
    if (!this.opening.delete(socket)) return;
    if (code === 'ECONNRESET' && socket.bytesRead === 0) return;
    this.options.onFailure(client, tlsFailure(code, message));
  }
}

function clientOf({ remoteAddress, remotePort }: net.Socket): string {
  return `${(remoteAddress ?? '?').replace(/^::ffff:/u, '')}:${remotePort ?? 0}`;
}
