// Finds what the broker needs in a message's properties without decoding them. Hot path of the
// acceptor threads (any thread may use it): one reused instance per thread, nothing is allocated.
// Invariants: nothing at or beyond `end` is read; when `scan` returns true, every length was in
// bounds and the list ends exactly at `end`. The *contents* of the header table are not looked at:
// `decodeTable` does that, and may throw, for those few messages whose headers matter.
// Source: specification 4.2.6.1 (property flags and list).
import {
  FLAG_APP_ID,
  FLAG_CLUSTER_ID,
  FLAG_CONTENT_ENCODING,
  FLAG_CONTENT_TYPE,
  FLAG_CONTINUATION,
  FLAG_CORRELATION_ID,
  FLAG_DELIVERY_MODE,
  FLAG_EXPIRATION,
  FLAG_HEADERS,
  FLAG_MESSAGE_ID,
  FLAG_PRIORITY,
  FLAG_REPLY_TO,
  FLAG_TIMESTAMP,
  FLAG_TYPE,
  FLAG_USER_ID,
} from './property-flags.ts';

/**
 * Offsets point at a property's first byte behind its length (a table's first field, a string's
 * first character) in the buffer that was scanned. Offset and bytes are 0 for what is absent;
 * `flags` tells an absent property from an empty one.
 */
export class PropertyScan {
  /** The flags word: test it with the FLAG_ constants of property-flags.ts. */
  flags = 0;
  /** 2: persistent; 0 when absent. */
  deliveryMode = 0;
  /** 0 when absent. */
  priority = 0;
  headersOffset = 0;
  headersBytes = 0;
  correlationIdOffset = 0;
  correlationIdBytes = 0;
  replyToOffset = 0;
  replyToBytes = 0;
  expirationOffset = 0;
  expirationBytes = 0;
  messageIdOffset = 0;
  messageIdBytes = 0;
  userIdOffset = 0;
  userIdBytes = 0;

  /**
   * Scans flags and list at [flagsOffset, end) of `buf`; `view` covers the same bytes. False when
   * they are malformed; the fields then mean nothing.
   */
  scan(buf: Uint8Array, view: DataView, flagsOffset: number, end: number): boolean {
    let at = flagsOffset + 2;
    if (at > end) return false;
    const flags = view.getUint16(flagsOffset);
    // Message after message without properties: what was cleared once stays clear.
    if (flags !== 0 || this.flags !== 0) this.clear();
    if (flags === 0) return at === end;
    if ((flags & FLAG_CONTINUATION) !== 0) return false;
    this.flags = flags;
    if ((flags & FLAG_CONTENT_TYPE) !== 0) at = shortStringEnd(buf, at, end);
    if ((flags & FLAG_CONTENT_ENCODING) !== 0) at = shortStringEnd(buf, at, end);
    if ((flags & FLAG_HEADERS) !== 0) {
      if (at + 4 > end) return false;
      this.headersOffset = at + 4;
      this.headersBytes = view.getUint32(at);
      at += 4 + this.headersBytes;
    }
    if ((flags & FLAG_DELIVERY_MODE) !== 0) {
      if (at >= end) return false;
      this.deliveryMode = buf[at]!;
      at += 1;
    }
    if ((flags & FLAG_PRIORITY) !== 0) {
      if (at >= end) return false;
      this.priority = buf[at]!;
      at += 1;
    }
    return this.scanFromCorrelationId(buf, at, end) === end;
  }

  /** Where the list ends; beyond `end` when a length overruns it. */
  private scanFromCorrelationId(buf: Uint8Array, offset: number, end: number): number {
    const flags = this.flags;
    let at = offset;
    if ((flags & FLAG_CORRELATION_ID) !== 0) {
      this.correlationIdOffset = at + 1;
      at = shortStringEnd(buf, at, end);
      this.correlationIdBytes = at - this.correlationIdOffset;
    }
    if ((flags & FLAG_REPLY_TO) !== 0) {
      this.replyToOffset = at + 1;
      at = shortStringEnd(buf, at, end);
      this.replyToBytes = at - this.replyToOffset;
    }
    if ((flags & FLAG_EXPIRATION) !== 0) {
      this.expirationOffset = at + 1;
      at = shortStringEnd(buf, at, end);
      this.expirationBytes = at - this.expirationOffset;
    }
    if ((flags & FLAG_MESSAGE_ID) !== 0) {
      this.messageIdOffset = at + 1;
      at = shortStringEnd(buf, at, end);
      this.messageIdBytes = at - this.messageIdOffset;
    }
    if ((flags & FLAG_TIMESTAMP) !== 0) at += 8;
    if ((flags & FLAG_TYPE) !== 0) at = shortStringEnd(buf, at, end);
    if ((flags & FLAG_USER_ID) !== 0) {
      this.userIdOffset = at + 1;
      at = shortStringEnd(buf, at, end);
      this.userIdBytes = at - this.userIdOffset;
    }
    if ((flags & FLAG_APP_ID) !== 0) at = shortStringEnd(buf, at, end);
    if ((flags & FLAG_CLUSTER_ID) !== 0) at = shortStringEnd(buf, at, end);
    return at;
  }

  private clear(): void {
    this.flags = 0;
    this.deliveryMode = 0;
    this.priority = 0;
    this.headersOffset = 0;
    this.headersBytes = 0;
    this.correlationIdOffset = 0;
    this.correlationIdBytes = 0;
    this.replyToOffset = 0;
    this.replyToBytes = 0;
    this.expirationOffset = 0;
    this.expirationBytes = 0;
    this.messageIdOffset = 0;
    this.messageIdBytes = 0;
    this.userIdOffset = 0;
    this.userIdBytes = 0;
  }
}

/**
 * The offset behind the short string at `at`. Once an offset is beyond `end` it stays there, so the
 * caller compares with `end` only once, after the last property.
 */
function shortStringEnd(buf: Uint8Array, at: number, end: number): number {
  return at < end ? at + 1 + buf[at] : end + 1;
}
