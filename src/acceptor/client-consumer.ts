// A consumer as its client knows it: a tag on a channel. Acceptor thread.
import type { FieldTable } from '../protocol/field-table.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { Channel } from './channel.ts';
import type { ShardLink } from './shard-link.ts';

/** How the client asked for it. */
export interface ConsumeRequest {
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly prefetch: number;
  readonly arguments: FieldTable;
}

export class ClientConsumer {
  /** Names the consumer in ring records (id-allocator.ts). */
  readonly id: number;
  readonly channel: Channel;
  readonly tag: string;
  /** The tag as a short string, length octet included, ready for basic.deliver. */
  readonly tagBytes: Buffer;
  readonly queue: QueueSpec;
  readonly link: ShardLink;
  readonly noAck: boolean;
  /** For listings. */
  readonly request: ConsumeRequest;
  /** Cancelled, or its channel is closed: deliveries still under way go back. */
  isGone: boolean;

  constructor(
    id: number,
    channel: Channel,
    tag: string,
    queue: QueueSpec,
    link: ShardLink,
    request: ConsumeRequest,
  ) {
    this.id = id;
    this.channel = channel;
    this.tag = tag;
    const name = Buffer.from(tag, 'utf8');
    this.tagBytes = Buffer.concat([Buffer.of(name.length), name]);
    this.queue = queue;
    this.link = link;
    this.noAck = request.noAck;
    this.request = request;
    this.isGone = false;
  }
}
