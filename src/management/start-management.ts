// Starts the management HTTP API. Main thread; no message of an AMQP client ever passes through it.
// Everything a client can use up is bounded here: connections, header and body sizes, and the time
// for a header, a request and an answer.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../base/logger.ts';
import { routes } from './api/routes.ts';
import { BrokerView } from './broker-view.ts';
import { RequestHandler, type RequestLimits } from './request-handler.ts';
import type { ManagementSource } from './source.ts';

export interface ManagementOptions {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly log: Logger;
}

export interface ServerLimits extends RequestLimits {
  readonly connectionsMax: number;
  readonly headerMillisMax: number;
}

export interface RunningManagement {
  readonly port: number;
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
  const { host, log } = options;
  let { port } = options;
  const broker = new BrokerView(source, () => ({ host, port }));
  const handler = new RequestHandler(broker, routes, limits, log);
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: limits.headerMillisMax,
      requestTimeout: limits.answerMillisMax,
      keepAliveTimeout: IDLE_MILLIS_MAX,
      connectionsCheckingInterval: Math.min(1000, limits.headerMillisMax),
    },
    (request, response) => void handler.handle(request, response),
  );
  server.maxConnections = limits.connectionsMax;
  port = await listen(server, host, port);
  // Accepting can fail later too, for want of file descriptors: the clients concerned try again.
  server.on('error', (error) => log.error('management listener', { error }));
  return { port, close: () => close(server) };
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

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
