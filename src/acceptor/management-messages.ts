// What operators' commands make main say to acceptors, and the answers. Main and acceptor threads;
// rare, plain data, by MessagePort, part of control-messages.ts. Never per message of a client.
import type { MessagePort } from 'node:worker_threads';
import type { ConsumerActivity } from '../../shards/mailbox/control-messages.ts';
import type { Access } from '../auth/users.ts';
import type { FieldTable } from '../protocol/field-table.ts';

/** A channel, for listings. */
export interface ChannelInfo {
  readonly connectionId: number;
  readonly number: number;
  /** basic.qos with global=false and global=true; 0 = no limit. */
  readonly consumerPrefetch: number;
  readonly channelPrefetch: number;
  readonly unacked: number;
  readonly unconfirmed: number;
  readonly consumers: number;
  readonly isConfirming: boolean;
  readonly isTransactional: boolean;
  /** Of its transaction, waiting for the commit. */
  readonly uncommittedPublishes: number;
  readonly uncommittedAcks: number;
}

/** A consumer, for listings. */
export interface ConsumerInfo {
  readonly connectionId: number;
  readonly channel: number;
  readonly tag: string;
  readonly queue: string;
  readonly noAck: boolean;
  readonly isExclusive: boolean;
  readonly prefetch: number;
  readonly arguments: FieldTable;
  /** What its shard says of it, if that was asked. */
  readonly activity?: ConsumerActivity | undefined;
}

/** What the clients of one acceptor, or of all, have open. */
export interface ClientListing {
  readonly channels: readonly ChannelInfo[];
  readonly consumers: readonly ConsumerInfo[];
}

/** main -> acceptor */
export type ManagementControl =
  /** The virtual hosts whose messages are traced (the firehose): all of them, each time. */
  | { readonly kind: 'tracing'; readonly vhosts: readonly string[] }
  /** To be closed with 320 and this text; those that are not this acceptor's, or gone, are not. */
  | {
      readonly kind: 'close-connections';
      readonly connectionIds: readonly number[];
      readonly reason: string;
    }
  | { readonly kind: 'list-clients'; readonly request: number }
  /** Stop listening, close all connections with 320 and answer when they have gone. */
  | { readonly kind: 'suspend'; readonly request: number; readonly reason: string }
  /** A client inside this process, already logged in, whose bytes come and go by `port`. */
  | {
      readonly kind: 'open-direct';
      readonly port: MessagePort;
      readonly user: string;
      readonly vhost: string;
      readonly access: Access;
    };

/** acceptor -> main */
export type ManagementNotice =
  | { readonly kind: 'clients'; readonly request: number; readonly clients: ClientListing }
  | { readonly kind: 'suspended'; readonly request: number };
