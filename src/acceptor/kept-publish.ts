// A publish that waits for the commit of its channel's transaction: its bytes, in memory of its
// own, and where it goes. Acceptor thread. The body of a large one stays in the slab, whose pages
// belong to whoever holds this until it is sent or dropped.
import { SLAB_PAGE_BYTES } from '../../shards/mailbox/slab.ts';
import { copyBytes } from '../base/copy.ts';
import { IncomingPublish } from './publisher.ts';
import type { Route } from './route.ts';

/** What the objects around a message take, about. */
const OBJECTS_BYTES = 256;

export class KeptPublish {
  readonly message: IncomingPublish;
  /** As the bindings were when it was published (RabbitMQ routes then, too). */
  readonly route: Route;
  /** What it counts for. */
  readonly costBytes: number;

  constructor(message: IncomingPublish, route: Route) {
    this.message = copyOf(message);
    this.route = route;
    this.costBytes = costOf(message);
  }

  get isSlab(): boolean {
    return this.message.slabPage >= 0;
  }
}

/** What a message would count for. */
export function costOf(message: IncomingPublish): number {
  const { exrkBytes, propsBytes, bodyBytes, slabPage } = message;
  const bytes = OBJECTS_BYTES + exrkBytes + propsBytes + bodyBytes;
  return slabPage >= 0 ? bytes + SLAB_PAGE_BYTES : bytes;
}

function copyOf(message: IncomingPublish): IncomingPublish {
  const { exrkBytes, propsBytes } = message;
  const isSlab = message.slabPage >= 0;
  const copy = new IncomingPublish();
  const inlineBodyBytes = isSlab ? 0 : message.bodyBytes;
  const bytes = Buffer.allocUnsafe(exrkBytes + propsBytes + inlineBodyBytes);
  copyBytes(message.bytes, message.exrkAt, bytes, 0, exrkBytes);
  copyBytes(message.propsSource, message.propsAt, bytes, exrkBytes, propsBytes);
  copyBytes(message.bytes, message.bodyAt, bytes, exrkBytes + propsBytes, inlineBodyBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  copy.liesIn(bytes, view, exrkBytes, propsBytes);
  copy.isMandatory = message.isMandatory;
  copy.bodyBytes = message.bodyBytes;
  copy.slabPage = message.slabPage;
  copy.slabSkip = message.slabSkip;
  copy.delayMillis = message.delayMillis;
  copy.flags = message.flags;
  return copy;
}
