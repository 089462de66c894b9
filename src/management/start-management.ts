// Starts the management HTTP API. Main thread; no message of an AMQP client ever passes through it.
// Everything a client can use up is bounded here: connections, header and body sizes, and the time
// for a header, a request and an answer.
import { createServer, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../base/logger.ts';
import type { ListenerAddress } from '../config/broker-config.ts';
import type { TlsMaterial } from '../tls/tls-material.ts';
import { routes } from './api/routes.ts';
import { BrokerView, type ListenerView } from './broker-view.ts';
import { RequestHandler, type RequestLimits } from './request-handler.ts';
import { createSecureServer, type RenewableServer } from './secure-server.ts';
import type { ManagementSource } from './source.ts';

export interface ManagementOptions {
  readonly host: string;
  /** 0 asks the system for a free port; undefined: only by TLS. */
  readonly port: number | undefined;
  readonly secure?: (ListenerAddress & { readonly material: TlsMaterial }) | undefined;
  readonly log: Logger;
}

export interface ServerLimits extends RequestLimits {
  readonly connectionsMax: number;
  readonly headerMillisMax: number;
}

export interface RunningManagement {
  /** Of the listener without TLS if there is one, else of the one with. */
  readonly port: number;
  readonly listeners: readonly ListenerView[];
  /** From now on the handshakes of the listener with TLS go by this. */
  renew(material: TlsMaterial): void;
  /** Cuts off the clients; resolves when the port is free again. */
  close(): Promise<void>;
}

const LIMITS: ServerLimits = {
  connectionsMax: 100,
  headerMillisMax: 10_000,
  // RabbitMQ's.
  bodyBytesMax: 10 * 1024 * 1024,
  answerMillisMax: 30_000,
};

const HEADER_BYTES_MAX = 16 * 1024;
/** Longer than the usual interval between two scrapes, so that scrapers keep their connection. */
const IDLE_MILLIS_MAX = 20_000;

/** Rejects with the error of AMQP listeners (code, address, port) when it cannot listen there. */
export async function startManagement(
  source: ManagementSource,
  options: ManagementOptions,
  limits: ServerLimits = LIMITS,
): Promise<RunningManagement> {
  const { host, port, secure, log } = options;
  const listeners: ListenerView[] = [];
  const broker = new BrokerView(source, () => listeners);
  const handler = new RequestHandler(broker, routes, limits, log);
  const servers: Server[] = [];
  let renewable: RenewableServer | undefined;
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => closed(server)));
  };
  const open = async (server: Server, address: ListenerAddress): Promise<number> => {
    server.on('request', (request, response) => void handler.handle(request, response));
    server.maxConnections = limits.connectionsMax;
    const bound = await listen(server, address.host, address.port);
    servers.push(server);
    // Accepting can fail later too, for want of file descriptors: the clients concerned try again.
    server.on('error', (error) => log.error('management listener', { error }));
    return bound;
  };
  try {
    if (port !== undefined) {
      const bound = await open(createServer(httpOptions(limits)), { host, port });
      listeners.push({ protocol: 'http', address: { host, port: bound } });
    }
    if (secure !== undefined) {
      const secureOptions = { ...httpOptions(limits), handshakeTimeout: limits.headerMillisMax };
      renewable = createSecureServer(secure.material, secureOptions, log);
      const bound = await open(renewable.server, secure);
      listeners.push({ protocol: 'https', address: { host: secure.host, port: bound } });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const renew = (material: TlsMaterial) => renewable?.renew(material);
  return { port: listeners[0].address.port, listeners, renew, close };
}

function httpOptions(limits: ServerLimits): ServerOptions {
  return {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: limits.headerMillisMax,
    requestTimeout: limits.answerMillisMax,
    keepAliveTimeout: IDLE_MILLIS_MAX,
    connectionsCheckingInterval: Math.min(1000, limits.headerMillisMax),
  };
}

/** Resolves with the port that was bound. */
function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const { code } = error;
      reject(
        Object.assign(new Error(`cannot listen on ${host}:${port}: ${code}`), {
          code,
          address: host,
          port,
        }),
      );
    };
    server.once('error', failed);
    server.listen({ host, port }, () => {
      server.off('error', failed);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
