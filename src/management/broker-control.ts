// What the management API can have the broker do, and nothing else. Main thread. src/main.ts hands
// over the supervisor's Operator, which has these methods; tests have one without threads.
import type { MessagePort } from 'node:worker_threads';
import type { DelayedAction, DelayedAnswer } from '../../shards/mailbox/control-messages.ts';
import type { ClientListing } from '../acceptor/management-messages.ts';
import type { Access } from '../auth/users.ts';
import type { Refusal } from '../errors/refusal.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { AccountFact, JsonValue, Parameter } from '../supervisor/facts/fact.ts';
import type { Command } from '../topology/command.ts';
import type { PolicyKind } from '../topology/policy/policy.ts';

/** Bytes, or a share of the machine's memory. */
export type Limit = { readonly bytes: number } | { readonly relative: number };

export interface BrokerControl {
  /** Changes the topology; resolves when the change is in force everywhere, and durable. */
  execute(command: Command): Promise<{ readonly refusal: Refusal | undefined }>;
  /** Makes a fact so; resolves when it is durable, or with why it cannot be. */
  record(fact: AccountFact): Promise<string | undefined>;
  /** Resolves with RabbitMQ's text about what is wrong with the policy, if anything is. */
  setPolicy(
    vhost: string,
    name: string,
    kind: PolicyKind,
    value: JsonValue,
  ): Promise<string | undefined>;
  clearPolicy(vhost: string, name: string, kind: PolicyKind): Promise<string | undefined>;
  parameters(): Iterable<Parameter>;
  /** The channels and consumers of all connections. */
  listClients(): Promise<ClientListing>;
  /** Does something with the messages of a queue that holds back what its exchange delays. */
  delayed(queue: QueueSpec, action: DelayedAction): Promise<DelayedAnswer>;
  /** Closes connections with 320 and this text. */
  closeConnections(connectionIds: readonly number[], reason: string): void;
  /** An AMQP connection of that user, open, without a socket: its bytes come and go by the port. */
  openDirect(user: string, vhost: string, access: Access): MessagePort;
  readonly isListening: boolean;
  suspend(reason: string): Promise<void>;
  resume(): Promise<void>;
  /** Has new certificate files used; returns what is wrong with them, if anything is. */
  reloadCertificates(): readonly string[];
  readonly tracedVhosts: ReadonlySet<string>;
  setTracing(vhost: string, isTraced: boolean): void;
  setMemoryLimit(limit: Limit): void;
  setDiskLimit(limit: Limit): Promise<void>;
  forceAlarm(resource: 'memory' | 'disk', isForced: boolean): void;
}
