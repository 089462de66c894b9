// Gives a publish other properties than its client sent: without BCC, with the real reply-to, with
// a timestamp. Acceptor thread, one per acceptor.
//
// `apply` points the publish at what was written. That holds until the next `apply`: by then the
// publish is in the rings, kept by its transaction, or waits to be offered again, which rewrites it
// again. A publish without changes costs nothing but the tests of those who would change it.
import { PropertyRewrite } from '../protocol/property-rewrite.ts';
import type { IncomingPublish } from './publisher.ts';

/** No rewrite makes a message longer by more than this. */
export const REWRITE_BYTES_MAX = 1024;

export class PublishRewrite extends PropertyRewrite {
  /** Makes the noted changes to a message whose properties have been found well-formed. */
  apply(message: IncomingPublish): void {
    const { bytes, view, propsAt, propsBytes } = message;
    this.write(bytes, view, propsAt);
    message.propsSource = this.bytes;
    message.propsAt = 0;
    message.propsBytes = this.byteCount;
    // A plugin may have rewritten it before: then the slab still has what the client sent.
    if (message.slabPage >= 0 && message.slabSkip < 0) message.slabSkip = propsBytes;
  }
}
