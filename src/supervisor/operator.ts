// What an operator can have the broker do, besides what clients can: main's hand on its threads.
// Main thread. The management API is the only caller, by way of an interface of its own
// (src/management/broker-control.ts), which this class fulfils.
// Tracing and what is set here of limits and alarms is forgotten when the broker ends, as
// RabbitMQ forgets what rabbitmqctl has set.
import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type {
  ConsumerReport,
  DelayedAction,
  DelayedAnswer,
} from '../../shards/mailbox/control-messages.ts';
import { globalConnectionId } from '../acceptor/connection-ids.ts';
import type { AcceptorNotice } from '../acceptor/control-messages.ts';
import type {
  ClientListing,
  ManagementControl,
  ManagementNotice,
} from '../acceptor/management-messages.ts';
import type { Access } from '../auth/users.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { Certificates } from '../tls/certificates.ts';
import type { Command } from '../topology/command.ts';
import type { PolicyKind } from '../topology/policy/policy.ts';
import type { BrokerThread } from './broker-thread.ts';
import type { CommandResult, ControlPlane } from './control-plane.ts';
import type { DiskControl } from './disk-control.ts';
import type { AccountFact, JsonValue, Parameter } from './facts/fact.ts';
import type { Parameters } from './facts/parameters.ts';
import { memoryBytes } from './memory-control.ts';
import type { MemoryWatch } from './memory-watch.ts';
import type { Reports } from './reports.ts';

type Acceptors = readonly Pick<BrokerThread<AcceptorNotice>, 'send'>[];

export interface OperatorParts {
  readonly acceptors: Acceptors;
  readonly control: Pick<ControlPlane, 'execute' | 'tryRecord' | 'setPolicy' | 'clearPolicy'>;
  readonly parameters: Pick<Parameters, 'all'>;
  readonly memory: MemoryWatch;
  readonly disk: DiskControl;
  readonly reports: Pick<Reports, 'consumers' | 'delayed'>;
  /** Listens again where the broker listened at first. */
  readonly listenAgain: () => Promise<unknown>;
  readonly certificates: Pick<Certificates, 'reload'>;
}

export class Operator {
  private readonly parts: OperatorParts;
  private readonly waiting: Map<number, (notice: ManagementNotice) => void>;
  private next: number;
  private traced: ReadonlySet<string>;
  private isSuspended: boolean;

  constructor(parts: OperatorParts) {
    this.parts = parts;
    this.waiting = new Map();
    this.next = 1;
    this.traced = new Set();
    this.isSuspended = false;
  }

  // --- state ----------------------------------------------------------------------------------

  execute(command: Command): Promise<CommandResult> {
    return this.parts.control.execute(command);
  }

  /** Resolves with why the fact cannot be, if so. */
  record(fact: AccountFact): Promise<string | undefined> {
    return this.parts.control.tryRecord(fact);
  }

  /** Resolves with what is wrong with the policy, if anything is. */
  setPolicy(
    vhost: string,
    name: string,
    kind: PolicyKind,
    value: JsonValue,
  ): Promise<string | undefined> {
    return this.parts.control.setPolicy(vhost, name, kind, value);
  }

  clearPolicy(vhost: string, name: string, kind: PolicyKind): Promise<string | undefined> {
    return this.parts.control.clearPolicy(vhost, name, kind);
  }

  parameters(): Iterable<Parameter> {
    return this.parts.parameters.all();
  }

  // --- clients --------------------------------------------------------------------------------

  /** An acceptor has answered. */
  answered(notice: ManagementNotice): void {
    this.waiting.get(notice.request)?.(notice);
    this.waiting.delete(notice.request);
  }

  /** The channels and consumers of all connections. */
  async listClients(): Promise<ClientListing> {
    const [answers, reports] = await Promise.all([
      this.askAll((request) => ({ kind: 'list-clients', request })),
      this.parts.reports.consumers(),
    ]);
    const activities = new Map(reports.map((report) => [consumerKey(report), report.activity]));
    const listings = answers.flatMap((answer) => (answer.kind === 'clients' ? answer.clients : []));
    return {
      channels: listings.flatMap(({ channels }) => channels),
      consumers: listings.flatMap(({ consumers }) =>
        consumers.map((consumer) => {
          const { connectionId, channel, tag } = consumer;
          return { ...consumer, activity: activities.get(`${connectionId} ${channel} ${tag}`) };
        }),
      ),
    };
  }

  delayed(queue: QueueSpec, action: DelayedAction): Promise<DelayedAnswer> {
    return this.parts.reports.delayed(queue, action);
  }

  closeConnections(connectionIds: readonly number[], reason: string): void {
    this.tellAll({ kind: 'close-connections', connectionIds, reason });
  }

  /** An AMQP connection of that user, open, without a socket: its bytes come and go by the port. */
  openDirect(user: string, vhost: string, access: Access): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const direct = { kind: 'open-direct', port: port2, user, vhost, access } as const;
    this.parts.acceptors[0].send(direct satisfies ManagementControl, [port2]);
    return port1;
  }

  // --- the node -------------------------------------------------------------------------------

  get isListening(): boolean {
    return !this.isSuspended;
  }

  /** Closes all connections with 320 and listens no more; resolves when they have gone. */
  async suspend(reason: string): Promise<void> {
    this.isSuspended = true;
    await this.askAll((request) => ({ kind: 'suspend', request, reason }));
  }

  async resume(): Promise<void> {
    if (!this.isSuspended) return;
    this.isSuspended = false;
    await this.parts.listenAgain();
  }

  /** Has new certificate files used; returns what is wrong with them, if anything is. */
  reloadCertificates(): readonly string[] {
    return this.parts.certificates.reload();
  }

  /** The virtual hosts whose messages are traced. */
  get tracedVhosts(): ReadonlySet<string> {
    return this.traced;
  }

  setTracing(vhost: string, isTraced: boolean): void {
    if (this.traced.has(vhost) === isTraced) return;
    const traced = new Set(this.traced);
    if (isTraced) traced.add(vhost);
    else traced.delete(vhost);
    this.traced = traced;
    this.tellAll({ kind: 'tracing', vhosts: [...traced] });
  }

  /** `relative`: of the memory of the machine. */
  setMemoryLimit(limit: { readonly bytes: number } | { readonly relative: number }): void {
    const { memory } = this.parts;
    if ('bytes' in limit) memory.setBrokerBytes(limit.bytes);
    else memory.setBrokerBytes(memoryBytes(totalmem(), constrainedMemory()) * limit.relative);
  }

  async setDiskLimit(limit: { readonly bytes: number } | { readonly relative: number }) {
    const bytes = 'bytes' in limit ? limit.bytes : totalmem() * limit.relative;
    await this.parts.disk.setLimit(Math.floor(bytes));
  }

  /** Sets an alarm whatever there is of the resource, until it is unset. */
  forceAlarm(resource: 'memory' | 'disk', isForced: boolean): void {
    if (resource === 'memory') this.parts.memory.force(isForced);
    else this.parts.disk.watch.force(isForced);
  }

  private tellAll(message: ManagementControl): void {
    for (const acceptor of this.parts.acceptors) acceptor.send(message);
  }

  private askAll(question: (request: number) => ManagementControl): Promise<ManagementNotice[]> {
    return Promise.all(
      this.parts.acceptors.map((acceptor) => {
        const request = this.next;
        this.next += 1;
        return new Promise<ManagementNotice>((resolve) => {
          this.waiting.set(request, resolve);
          acceptor.send(question(request));
        });
      }),
    );
  }
}

/** Tags are unique on their channel. */
function consumerKey({ acceptor, connection, channel, tag }: ConsumerReport): string {
  return `${globalConnectionId(acceptor, connection)} ${channel} ${tag}`;
}
