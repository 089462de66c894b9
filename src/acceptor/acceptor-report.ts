// What an acceptor reports to main, for listings and metrics. Acceptor thread.
import type { Acceptor } from './acceptor.ts';
import type { AcceptorReport } from './control-messages.ts';

/** The plugins are those of the whole thread: their entry adds what they have done. */
export function acceptorReport(acceptor: Acceptor): Omit<AcceptorReport, 'pluginFaults'> {
  const { publisher, slab } = acceptor;
  return {
    connections: acceptor.connections.size,
    channels: acceptor.channelCount,
    consumers: acceptor.consumers.size,
    published: publisher.publishedCount,
    unroutable: publisher.unroutableCount,
    forwarded: acceptor.forwarding.publishedCount,
    forwardedUnroutable: acceptor.forwarding.droppedCount,
    delivered: acceptor.deliveries.deliveredCount,
    stalledConnections: acceptor.stalled.size,
    rateLimitedConnections: acceptor.publishRates.waitingCount,
    blockedConnections: [...acceptor.stalled]
      .filter(({ flow }) => flow.isBlocked)
      .map(({ globalId }) => globalId),
    unreadConnections: acceptor.unreadCount,
    accessRefused: acceptor.accessCounts.refused,
    tlsHandshakes: acceptor.listeners.tlsCounts.handshakes,
    tlsFailures: acceptor.listeners.tlsCounts.failures,
    slabPagesUsed: slab.usedPages,
  };
}
