// What every message gets when the configuration says so: the time it was published, the name of
// this node (https://www.rabbitmq.com/docs/message-interceptors). Acceptor thread. Without either
// there is no object of this class, which is all that the publish path looks at. Nothing is
// allocated per message.
import { nodeName } from '../base/node-name.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { PropertyScan } from '../protocol/properties.ts';
import { FLAG_TIMESTAMP } from '../protocol/property-flags.ts';
import { findField } from '../protocol/table-scan.ts';
import type { PublishRewrite } from './publish-rewrite.ts';
import type { IncomingPublish } from './publisher.ts';

type InterceptorConfig = Pick<BrokerConfig, 'timestampInterceptor' | 'routingNodeInterceptor'>;

const TIMESTAMP_HEADER = Buffer.from('timestamp_in_ms');
const NODE_HEADER = Buffer.from('x-routed-by');
const LONG = 'l';
const LONG_STRING = 'S';
const UINT32 = 0x1_0000_0000;

export class PublishInterceptors {
  private readonly timestamp: InterceptorConfig['timestampInterceptor'];
  private readonly routingNode: InterceptorConfig['routingNodeInterceptor'];
  private readonly timestampField: Buffer;
  private readonly nodeField: Buffer;

  constructor({ timestampInterceptor, routingNodeInterceptor }: InterceptorConfig) {
    this.timestamp = timestampInterceptor;
    this.routingNode = routingNodeInterceptor;
    this.timestampField = fieldOf(TIMESTAMP_HEADER, LONG, Buffer.alloc(8));
    const node = Buffer.from(nodeName());
    const length = Buffer.alloc(4);
    length.writeUInt32BE(node.length);
    this.nodeField = fieldOf(NODE_HEADER, LONG_STRING, Buffer.concat([length, node]));
  }

  /** Notes what the message gets; `scan` has scanned it. */
  note(rewrite: PublishRewrite, message: IncomingPublish, scan: PropertyScan): void {
    if (this.routingNode !== 'none') {
      const isFree = !hasHeader(message, scan, NODE_HEADER);
      if (isFree || this.routingNode === 'true') rewrite.setHeader(NODE_HEADER, this.nodeField);
    }
    if (this.timestamp === 'none') return;
    const millis = Date.now();
    const overwrites = this.timestamp === 'true';
    if (overwrites || !hasHeader(message, scan, TIMESTAMP_HEADER)) {
      const at = this.timestampField.length - 8;
      this.timestampField.writeUInt32BE(Math.floor(millis / UINT32), at);
      this.timestampField.writeUInt32BE(millis % UINT32, at + 4);
      rewrite.setHeader(TIMESTAMP_HEADER, this.timestampField);
    }
    if (overwrites || (scan.flags & FLAG_TIMESTAMP) === 0) {
      rewrite.setTimestamp(Math.floor(millis / 1000));
    }
  }
}

/** The interceptors that are on, if any is. */
export function interceptorsOf(config: InterceptorConfig): PublishInterceptors | undefined {
  const { timestampInterceptor, routingNodeInterceptor } = config;
  if (timestampInterceptor === 'none' && routingNodeInterceptor === 'none') return undefined;
  return new PublishInterceptors(config);
}

function fieldOf(name: Buffer, type: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(name.length), name, Buffer.from(type), value]);
}

function hasHeader(
  { bytes, view }: IncomingPublish,
  { headersOffset, headersBytes }: PropertyScan,
  name: Buffer,
): boolean {
  if (headersBytes === 0) return false;
  return findField(bytes, view, headersOffset, headersOffset + headersBytes, name) >= 0;
}
