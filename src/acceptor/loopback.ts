// Sends to clients on the broker's own machine at once. Acceptor thread, once per connection.
//
// Congestion control shares a network among senders; BBR, which many servers have set, does so by
// pacing with a timer for every few segments. A connection that never leaves the machine shares
// nothing and only pays. Measured where the system has BBR, both ends on two cores: with reno for
// what the broker sends, 25 % more bodies of 1 MiB, 36 % more of 256 KiB, 18 % more of 16 KiB per
// second, with 20 to 25 % less CPU on both sides. Every Linux has reno and lets any process choose
// it. How the client sends is the client's business.
import type { Socket } from 'node:net';
import { isLoopback } from '../auth/loopback.ts';
import { loadAddon } from '../base/addon.ts';
import type { BrokerConfig } from '../config/broker-config.ts';

interface SocketAddon {
  /** Throws with the system's words. */
  setCongestionControl(descriptor: number, algorithm: string): void;
}

export class LoopbackSockets {
  private readonly addon: SocketAddon | undefined;
  private readonly algorithm: string;
  private readonly onFailure: (reason: string) => void;
  private hasFailed: boolean;

  /** `onFailure` hears of it once: it costs speed, nothing else. */
  constructor(
    { loopbackCongestionControl }: Pick<BrokerConfig, 'loopbackCongestionControl'>,
    onFailure: (reason: string) => void,
  ) {
    const isWanted = loopbackCongestionControl !== 'system';
    this.addon = isWanted ? (loadAddon() as SocketAddon | undefined) : undefined;
    this.algorithm = loopbackCongestionControl;
    this.onFailure = onFailure;
    this.hasFailed = false;
  }

  accepted(socket: Socket): void {
    if (this.addon === undefined || this.hasFailed || !isLocal(socket)) return;
    const descriptor = descriptorOf(socket);
    if (descriptor < 0) return;
    try {
      this.addon.setCongestionControl(descriptor, this.algorithm);
    } catch (error) {
      this.hasFailed = true;
      this.onFailure((error as Error).message);
    }
  }
}

/** Whether both ends are on this machine. */
export function isLocal({ remoteAddress, localAddress }: Socket): boolean {
  if (remoteAddress === undefined) return false;
  return remoteAddress === localAddress || isLoopback(remoteAddress);
}

/** -1 where a socket has none, or Node does not show it. */
function descriptorOf(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { fd?: number } | null })._handle;
  return handle?.fd ?? -1;
}
