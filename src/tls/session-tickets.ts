// Keeps a TLS server from sending session tickets, as RabbitMQ's does not with TLS 1.3. Any thread
// with a server. RabbitMQ's Java client with NIO takes such a record, which has no bytes for it,
// for a frame of zeros (SslEngineFrameBuilder) and could not connect with TLS 1.3 at all.
// Node has no option for it: OpenSSL asks a callback for the key of each ticket, and leaves the
// ticket out when there is none. Where a Node lacks that callback, tickets are sent.
import type { Server } from 'node:tls';

/** What is below the secure context of a server. */
interface NativeContext {
  onticketkeycallback?: () => readonly [number, ...Uint8Array[]];
  enableTicketKeyCallback?(): void;
}

/** 0: no ticket. The keys behind it are looked at before that, and not used for anything. */
const NO_TICKET = [
  0,
  Buffer.alloc(16),
  Buffer.alloc(16),
  Buffer.alloc(16),
  Buffer.alloc(16),
] as const;

/** Again after each `setSecureContext`, which makes a new context. */
export function sendNoTickets(server: Server): void {
  const shared = Reflect.get(server, '_sharedCreds') as { context?: NativeContext } | undefined;
  const context = shared?.context;
  if (context?.enableTicketKeyCallback === undefined) return;
  context.onticketkeycallback = () => NO_TICKET;
  context.enableTicketKeyCallback();
}
