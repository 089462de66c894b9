// The broker as the resources of the management API see it. Main thread. One for the whole server.
import { nodeName } from '../base/node-name.ts';
import { productVersion } from '../base/product-version.ts';
import type { ListenerAddress } from '../config/broker-config.ts';
import type { BrokerSnapshot } from './broker-snapshot.ts';
import { ReportCollector } from './report-collector.ts';
import type { ManagementSource } from './source.ts';

/** Threads answer between two turns of their loops, which take milliseconds. */
const REPORT_MILLIS_MAX = 5000;

export interface ListenerView {
  readonly protocol: 'amqp' | 'amqp/ssl' | 'http' | 'https';
  readonly address: ListenerAddress;
}

export class BrokerView {
  readonly source: ManagementSource;
  /** What RabbitMQ calls this machine's broker: rabbit@ and the first part of the host name. */
  readonly node: string;
  readonly productVersion: string;
  private readonly collector: ReportCollector;
  private readonly own: () => readonly ListenerView[];

  /** `own`: where this API is listening, once it is. */
  constructor(
    source: ManagementSource,
    own: () => readonly ListenerView[],
    reportMillisMax: number = REPORT_MILLIS_MAX,
  ) {
    this.source = source;
    this.own = own;
    this.node = nodeName();
    this.productVersion = productVersion();
    this.collector = new ReportCollector(() => source.collectReports(), reportMillisMax);
  }

  snapshot(): Promise<BrokerSnapshot> {
    return this.collector.snapshot();
  }

  listeners(): ListenerView[] {
    const { listeners, control } = this.source;
    const amqp = control.isListening ? listeners : [];
    return [
      ...amqp.map(({ host, port, isTls }) => ({
        protocol: isTls === true ? ('amqp/ssl' as const) : ('amqp' as const),
        address: { host, port },
      })),
      ...this.own(),
    ];
  }
}
