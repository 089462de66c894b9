// Where the broker listens for AMQP clients: has every acceptor listen there, and hands them what
// they need to speak TLS. Main thread. With several acceptors each listens on the same port.
import type { AcceptorNotice } from '../acceptor/control-messages.ts';
import type { BrokerConfig, ListenerAddress } from '../config/broker-config.ts';
import type { Certificates } from '../tls/certificates.ts';
import type { TlsMaterial } from '../tls/tls-material.ts';
import type { BrokerThread } from './broker-thread.ts';

/** An address that is listened on, with the port that the system chose. */
export interface BoundListener extends ListenerAddress {
  readonly isTls?: boolean;
}

type Acceptors = readonly Pick<BrokerThread<AcceptorNotice>, 'send'>[];

export class Listening {
  private readonly config: BrokerConfig;
  private readonly acceptors: Acceptors;
  private readonly answers: ((notice: AcceptorNotice) => void)[];
  private bound: readonly BoundListener[];

  constructor(config: BrokerConfig, acceptors: Acceptors, certificates: Certificates) {
    this.config = config;
    this.acceptors = acceptors;
    this.answers = [];
    this.bound = [];
    const material = certificates.materialFor('amqp/ssl');
    if (material !== undefined) this.tell(material);
    certificates.onChange((protocol, changed) => {
      if (protocol === 'amqp/ssl') this.tell(changed);
    });
  }

  /** Resolves with the addresses that are listened on. */
  async start(): Promise<readonly BoundListener[]> {
    const { listeners, sslListeners } = this.config;
    const secure = sslListeners.map((address) => ({ ...address, isTls: true }));
    this.bound = await this.listenOn([...listeners, ...secure]);
    return this.bound;
  }

  /** On the ports that were bound at first. */
  again(): Promise<readonly BoundListener[]> {
    return this.listenOn(this.bound);
  }

  /** An acceptor listens, or cannot. */
  answered(notice: AcceptorNotice): void {
    this.answers.shift()?.(notice);
  }

  private tell(material: TlsMaterial): void {
    for (const acceptor of this.acceptors) acceptor.send({ kind: 'tls', material } as never);
  }

  private async listenOn(addresses: readonly BoundListener[]): Promise<BoundListener[]> {
    const bound: BoundListener[] = [];
    for (const address of addresses) bound.push(await this.listen(address));
    return bound;
  }

  /** With port 0 the first acceptor chooses for all. */
  private async listen({ host, port, isTls = false }: BoundListener): Promise<BoundListener> {
    let address: ListenerAddress = { host, port };
    const shared = this.acceptors.length > 1;
    for (const acceptor of this.acceptors) {
      acceptor.send({ kind: 'listen', address, shared, isTls } as never);
      const answer = await new Promise<AcceptorNotice>((resolve) => {
        this.answers.push(resolve);
      });
      if (answer.kind === 'listen-failed') {
        throw Object.assign(
          new Error(`cannot listen on ${address.host}:${address.port}: ${answer.code}`),
          { code: answer.code, address: address.host, port: address.port },
        );
      }
      if (answer.kind === 'listening') ({ address } = answer);
    }
    return isTls ? { ...address, isTls } : address;
  }
}
