// The management API's HTTPS server. Main thread. Who cannot be made a TLS connection with is named
// in the log, in the words of AMQP's listeners.
import type { ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Logger } from '../base/logger.ts';
import { directIssuers, refusedCertificate } from '../tls/client-certificate.ts';
import { tlsFailure } from '../tls/handshake-failure.ts';
import { serverOptions, type TlsMaterial } from '../tls/tls-material.ts';

export interface RenewableServer {
  readonly server: Server;
  /** From now on handshakes go by this. */
  renew(material: TlsMaterial): void;
}

export function createSecureServer(
  material: TlsMaterial,
  options: ServerOptions & { readonly handshakeTimeout: number },
  log: Logger,
): RenewableServer {
  const server = createServer({ ...options, ...serverOptions(material) });
  let issuers = directIssuers(material);
  const failed = (code: string, message: string, client: string | undefined): void => {
    const { reason } = tlsFailure(code, message);
    log.warn('TLS handshake failed', { listener: 'https', client, code, reason });
  };
  server.on('secureConnection', (socket) => {
    const refused = refusedCertificate(socket, issuers);
    if (refused === undefined) return;
    failed(refused, '', socket.remoteAddress);
    socket.destroy();
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const code = socket.authorizationError ?? error.code ?? 'unknown';
    failed(String(code), error.message, socket.remoteAddress);
  });
  const renew = (changed: TlsMaterial): void => {
    issuers = directIssuers(changed);
    server.setSecureContext(serverOptions(changed));
  };
  return { server, renew };
}
