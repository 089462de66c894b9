// A publish as exchanges see it that look at more than its routing key: headers and properties,
// decoded when first asked for. Acceptor thread, on a route-cache miss; one reused instance. It
// reads the publish's own bytes, so it holds only until the publish is over.
import { decodeTable, type FieldTable } from '../protocol/field-table.ts';
import {
  type BasicProperties,
  decodeProperties,
  type PropertyScan,
} from '../protocol/properties.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import type { IncomingPublish } from './publisher.ts';

export class PublishedMessage implements RoutedMessage {
  private message: IncomingPublish | undefined = undefined;
  private scan: PropertyScan | undefined = undefined;
  private decodedHeaders: FieldTable | undefined = undefined;
  private decodedProperties: BasicProperties | undefined = undefined;

  /** Turns to another publish, whose properties have been scanned. */
  of(message: IncomingPublish, scan: PropertyScan): void {
    this.message = message;
    this.scan = scan;
    this.decodedHeaders = undefined;
    this.decodedProperties = undefined;
  }

  get headers(): FieldTable | undefined {
    const { headersOffset, headersBytes } = this.scan!;
    if (headersBytes === 0) return undefined;
    const { bytes, view } = this.message!;
    this.decodedHeaders ??= decodeTable(bytes, view, headersOffset, headersOffset + headersBytes);
    return this.decodedHeaders;
  }

  get properties(): BasicProperties {
    if (this.decodedProperties === undefined) {
      // They may have been rewritten since they were scanned; headers that decide are as published.
      const { propsSource, propsAt, propsBytes } = this.message!;
      const reader = new WireReader(propsSource, propsAt, propsAt + propsBytes);
      this.decodedProperties = decodeProperties(reader);
    }
    return this.decodedProperties;
  }
}
