// Lets plugins change the properties of publishes (docs/plugins.md). Acceptor thread. A publish
// that one has changed is put together anew, as if its client had sent it so: exrk, properties and
// inline body in a buffer of its own; in the slab the properties in front of a body are skipped.
// A publish that finds no room is offered again as its client sent it, and intercepted again.
import type { Interceptors } from '../plugins/interceptors.ts';
import { decodeProperties } from '../protocol/properties.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import { copyBytes } from '../base/copy.ts';
import type { Channel } from './channel.ts';
import type { IncomingPublish } from './publisher.ts';

/** Half of what rewrites in all may add to a message (publish-rewrite.ts). */
const GROWTH_BYTES_MAX = 512;

export class PluginInterception {
  private readonly interceptors: Interceptors;
  private readonly inlineBytesMax: number;

  constructor(interceptors: Interceptors, inlineBytesMax: number) {
    this.interceptors = interceptors;
    this.inlineBytesMax = inlineBytesMax;
  }

  /** True when the message has other properties now, which nobody has scanned. */
  change({ connection }: Channel, message: IncomingPublish): boolean {
    const { bytes, exrkAt, exrkBytes, propsAt, propsBytes, bodyBytes } = message;
    const exchangeEnd = exrkAt + 1 + bytes[exrkAt];
    const publish = {
      vhost: connection.vhost.name,
      user: connection.user,
      exchange: bytes.toString('utf8', exrkAt + 1, exchangeEnd),
      routingKey: bytes.toString('utf8', exchangeEnd + 1, exrkAt + exrkBytes),
      properties: decodeProperties(new WireReader(bytes, propsAt, propsAt + propsBytes)),
      bodyBytes,
    };
    const props = this.interceptors.run(publish, this.propsBytesMax(message));
    if (props === undefined) return false;
    replaceProperties(message, props);
    return true;
  }

  /** Properties of a body in the slab travel in the ring when they are not the client's. */
  private propsBytesMax({ slabPage, exrkBytes, propsBytes }: IncomingPublish): number {
    const grown = propsBytes + GROWTH_BYTES_MAX;
    return slabPage < 0 ? grown : Math.min(grown, this.inlineBytesMax - exrkBytes);
  }
}

function replaceProperties(message: IncomingPublish, props: Uint8Array): void {
  const { bytes, exrkAt, exrkBytes, bodyAt, bodyBytes } = message;
  const isSlab = message.slabPage >= 0;
  const inlineBodyBytes = isSlab ? 0 : bodyBytes;
  const own = Buffer.allocUnsafe(exrkBytes + props.length + inlineBodyBytes);
  copyBytes(bytes, exrkAt, own, 0, exrkBytes);
  own.set(props, exrkBytes);
  copyBytes(bytes, bodyAt, own, exrkBytes + props.length, inlineBodyBytes);
  if (isSlab && message.slabSkip < 0) message.slabSkip = message.propsBytes;
  const view = new DataView(own.buffer, own.byteOffset, own.length);
  message.liesIn(own, view, exrkBytes, props.length);
}
