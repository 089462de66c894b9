// What travels by MessagePort between main and an acceptor: rare, plain data, in order per port.
// Main and acceptor threads; what shards are told is in shards/mailbox/control-messages.ts.
import type { Mailbox } from '../../shards/mailbox/control-messages.ts';
import type { SlabMemory } from '../../shards/mailbox/slab.ts';
import type { Credentials } from '../auth/sasl.ts';
import type { Access } from '../auth/users.ts';
import type { LogRecord } from '../base/logger.ts';
import type { BrokerConfig, ListenerAddress } from '../config/broker-config.ts';
import type { Refusal } from '../errors/refusal.ts';
import type { PluginSource } from '../plugins/load-plugins.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import type { Change, QueueSpec } from '../routing/change.ts';
import type { Command } from '../topology/command.ts';
import type { TlsMaterial } from '../tls/tls-material.ts';
import type { ManagementControl, ManagementNotice } from './management-messages.ts';
import type { TlsFacts } from './tls-peer.ts';

export interface AcceptorBoot {
  readonly acceptor: number;
  readonly config: BrokerConfig;
  readonly doorbell: SharedArrayBuffer;
  /** By shard. */
  readonly mailboxes: readonly Mailbox[];
  readonly shardDoorbells: readonly SharedArrayBuffer[];
  /** The acceptors' (the own one is slabs[acceptor]), then the shards'. */
  readonly slabs: readonly SlabMemory[];
  readonly spinMicros: number;
  /** Open channels of the node (channel-places.ts). */
  readonly channelCounter: SharedArrayBuffer;
  readonly plugins: readonly PluginSource[];
}

/** A connection that has logged in, for listings. */
export interface ConnectionInfo {
  readonly id: number;
  readonly name: string;
  readonly user: string;
  readonly vhost: string;
  readonly connectedAtMillis: number;
  readonly clientProperties: FieldTable;
  /** The two ends of its socket. */
  readonly peer?: ListenerAddress;
  readonly local?: ListenerAddress;
  /** Undefined: it has come without TLS. */
  readonly tls?: TlsFacts | undefined;
  /** As negotiated; 0 = none. */
  readonly channelMax?: number;
  readonly frameMax?: number;
  readonly heartbeatSeconds?: number;
}

export type AcceptorQuestion =
  | { readonly kind: 'execute'; readonly command: Command }
  | {
      readonly kind: 'authenticate';
      readonly connectionId: number;
      readonly mechanism: string;
      readonly credentials: Credentials;
      readonly remoteAddress: string;
    }
  | {
      readonly kind: 'open-vhost';
      readonly connectionId: number;
      readonly username: string;
      readonly vhost: string;
    }
  | {
      readonly kind: 'update-secret';
      readonly connectionId: number;
      readonly username: string;
      readonly vhost: string;
      readonly secret: Uint8Array;
    };

/** Open channels of a user (channel-places.ts). */
export interface ChannelCounter {
  /** Of no other, ever. */
  readonly id: number;
  readonly memory: SharedArrayBuffer;
}

/** What a connection is given with its virtual host. */
export interface Opening {
  /** Of its user. */
  readonly channelCounter: ChannelCounter;
  /** Undefined: no limit. */
  readonly channelsMax: number | undefined;
  readonly access: Access;
  /** The permissions are the broker's own: `users-changed` tells when they are others. */
  readonly followsUser: boolean;
}

/** A user whose permissions, tags or limits have changed, or who is gone. */
export interface ChangedUser {
  readonly name: string;
  readonly isDeleted: boolean;
  /** By virtual host; without an entry the user may not be connected to it. */
  readonly access: ReadonlyMap<string, Access>;
  readonly channelsMax: number | undefined;
}

export interface Answer {
  readonly refusal: Refusal | undefined;
  readonly queue: QueueSpec | undefined;
  /** To `authenticate`: who the client is. */
  readonly username?: string;
  /** To `open-vhost`. */
  readonly opening?: Opening;
  /** To `update-secret`: what the user may do from now on. */
  readonly access?: Access;
}

/** Totals of one acceptor since its start, for metrics. */
export interface AcceptorReport {
  readonly connections: number;
  readonly channels: number;
  readonly consumers: number;
  readonly published: number;
  readonly unroutable: number;
  readonly delivered: number;
  /** For shards: dead letters, delayed messages, histories; and those that no queue was to get. */
  readonly forwarded: number;
  readonly forwardedUnroutable: number;
  readonly stalledConnections: number;
  /** Not read because they have published as much as a rate limit allows. */
  readonly rateLimitedConnections: number;
  /** Connections that may not publish now, by their id. */
  readonly blockedConnections: readonly number[];
  /** Connections that have read nothing for long although data wait for them. */
  readonly unreadConnections: number;
  /** Methods and publishes that permissions have refused. */
  readonly accessRefused: number;
  readonly slabPagesUsed: number;
  /** TLS handshakes that were good, and those that came to nothing. */
  readonly tlsHandshakes: number;
  readonly tlsFailures: number;
  /** Calls of plugins that have failed. */
  readonly pluginFaults: number;
}

/** Messages take a whole budget: the virtual host's, or without one the broker's. */
export interface MemoryAlarm {
  readonly resource: 'memory';
  readonly vhost: string | undefined;
  /** When the alarm was raised. */
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** There is too little room on the disk for the broker to take more messages. */
export interface DiskAlarm {
  readonly resource: 'disk';
  /** The disk is everybody's. */
  readonly vhost: undefined;
  /** Undefined: the system does not tell. */
  readonly freeBytes: number | undefined;
  /** disk_free_limit; 0 = none. */
  readonly limitBytes: number;
  /** The logs that found no room to grow, such as `shard 0`. Empty: less is free than the limit. */
  readonly shortLogs: readonly string[];
}

/** Why publishers are blocked: those of a virtual host, or without one all. */
export type ResourceAlarm = MemoryAlarm | DiskAlarm;

/** acceptor -> main */
export type AcceptorNotice =
  | { readonly kind: 'started' }
  | { readonly kind: 'listening'; readonly address: ListenerAddress }
  | { readonly kind: 'listen-failed'; readonly code: string; readonly address: ListenerAddress }
  | { readonly kind: 'applied'; readonly revision: number }
  | { readonly kind: 'ask'; readonly request: number; readonly question: AcceptorQuestion }
  | { readonly kind: 'connection-opened'; readonly info: ConnectionInfo }
  /** The client has asked to close: it no longer counts, and 'connection-closed' follows. */
  | { readonly kind: 'connection-leaving'; readonly connectionId: number }
  | { readonly kind: 'connection-closed'; readonly connectionId: number }
  | { readonly kind: 'slab-used'; readonly bytes: number }
  | { readonly kind: 'report'; readonly request: number; readonly report: AcceptorReport }
  | { readonly kind: 'log'; readonly record: LogRecord }
  | ManagementNotice
  | { readonly kind: 'stopped' };

/** main -> acceptor */
export type AcceptorControl =
  | { readonly kind: 'apply'; readonly revision: number; readonly changes: readonly Change[] }
  | {
      readonly kind: 'listen';
      readonly address: ListenerAddress;
      readonly shared: boolean;
      readonly isTls: boolean;
    }
  /** How to speak TLS: before the first listener that does, and when it changes. */
  | { readonly kind: 'tls'; readonly material: TlsMaterial }
  | { readonly kind: 'answer'; readonly request: number; readonly answer: Answer }
  /** Between two revisions: it is in force once the later one has been applied. */
  | { readonly kind: 'users-changed'; readonly users: readonly ChangedUser[] }
  /** Which alarms are in force: all of them, each time. */
  | { readonly kind: 'alarms'; readonly alarms: readonly ResourceAlarm[] }
  | { readonly kind: 'report'; readonly request: number }
  | ManagementControl
  | { readonly kind: 'stop'; readonly reason: string };
