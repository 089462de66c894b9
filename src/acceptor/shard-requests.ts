// Requests to shards that await their reply. Acceptor thread. Each is answered exactly once, from
// within the drain of the shard's ring, so an answer takes effect before the records behind it.

/** A REPLY record, or a GOT record (then `at` is its word index in the ring and status is OK). */
export interface ShardReply {
  readonly status: number;
  readonly a: number;
  readonly b: number;
  /** Word index of a GOT record, else -1. */
  readonly at: number;
}

const REQUEST_MAX = 0x3fff_ffff;

export class ShardRequests {
  private readonly waiting: Map<number, (reply: ShardReply) => void>;
  private next: number;

  constructor() {
    this.waiting = new Map();
    this.next = 1;
  }

  add(onReply: (reply: ShardReply) => void): number {
    const request = this.next;
    this.next = request === REQUEST_MAX ? 1 : request + 1;
    this.waiting.set(request, onReply);
    return request;
  }

  answer(request: number, reply: ShardReply): void {
    const onReply = this.waiting.get(request);
    this.waiting.delete(request);
    onReply?.(reply);
  }

  /** Requests without a reply yet. */
  get count(): number {
    return this.waiting.size;
  }
}
