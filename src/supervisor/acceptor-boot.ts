// What each acceptor thread is given at start. Main thread.
import type { AcceptorBoot } from '../acceptor/control-messages.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { type BrokerMemory, spinMicrosOf } from './broker-memory.ts';

export function acceptorBoot(
  config: BrokerConfig,
  memory: BrokerMemory,
  plugins: AcceptorBoot['plugins'],
  acceptor: number,
): AcceptorBoot {
  return {
    acceptor,
    config,
    doorbell: memory.acceptorDoorbells[acceptor],
    mailboxes: memory.mailboxes[acceptor],
    shardDoorbells: memory.shardDoorbells,
    slabs: memory.slabs,
    spinMicros: spinMicrosOf(config),
    channelCounter: memory.channelCounter,
    plugins,
  };
}
