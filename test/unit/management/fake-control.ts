// Test support: what the management API can have a broker do, without threads: facts and commands
// change the state at once, everything else is only noted.
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { DelayedAction, DelayedAnswer } from '../../../shards/mailbox/control-messages.ts';
import type { ClientListing } from '../../../src/acceptor/management-messages.ts';
import type { BrokerControl, Limit } from '../../../src/management/broker-control.ts';
import type { QueueSpec } from '../../../src/routing/change.ts';
import type { BrokerState } from '../../../src/supervisor/facts/broker-state.ts';
import type { AccountFact, JsonValue, Parameter } from '../../../src/supervisor/facts/fact.ts';
import type { Command, Outcome } from '../../../src/topology/command.ts';
import type { PolicyKind } from '../../../src/topology/policy/policy.ts';
import { policyValue } from '../../../src/topology/policy/policy-validation.ts';

export class FakeControl implements BrokerControl {
  readonly closed: { readonly ids: readonly number[]; readonly reason: string }[] = [];
  readonly noted: unknown[] = [];
  readonly tracedVhosts = new Set<string>();
  clients: ClientListing = { channels: [], consumers: [] };
  delayedAnswer: DelayedAnswer = { count: 0, messages: [] };
  isListening = true;
  certificateProblems: readonly string[] = [];
  /** What direct connections are given: the other end speaks AMQP. */
  readonly ports: MessagePort[] = [];
  private readonly state: BrokerState;

  constructor(state: BrokerState) {
    this.state = state;
  }

  execute(command: Command): Promise<Outcome> {
    return Promise.resolve(this.state.execute(command));
  }

  record(fact: AccountFact): Promise<string | undefined> {
    return Promise.resolve(this.state.apply(fact));
  }

  setPolicy(vhost: string, name: string, kind: PolicyKind, value: JsonValue) {
    const parameter = { vhost, component: kind, name, value: policyValue(value) };
    return Promise.resolve(this.state.apply({ kind: 'parameter-set', parameter }));
  }

  clearPolicy(vhost: string, name: string, kind: PolicyKind) {
    const parameter = { vhost, component: kind, name };
    return Promise.resolve(this.state.apply({ kind: 'parameter-deleted', parameter }));
  }

  parameters(): Iterable<Parameter> {
    return this.state.parameters.all();
  }

  listClients(): Promise<ClientListing> {
    return Promise.resolve(this.clients);
  }

  delayed({ name }: QueueSpec, action: DelayedAction): Promise<DelayedAnswer> {
    this.noted.push([name, action]);
    return Promise.resolve(this.delayedAnswer);
  }

  closeConnections(ids: readonly number[], reason: string): void {
    if (ids.length > 0) this.closed.push({ ids, reason });
  }

  openDirect(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.ports.push(port2);
    return port1;
  }

  reloadCertificates(): readonly string[] {
    this.noted.push('certificates');
    return this.certificateProblems;
  }

  suspend(reason: string): Promise<void> {
    this.isListening = false;
    this.noted.push(reason);
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.isListening = true;
    return Promise.resolve();
  }

  setTracing(vhost: string, isTraced: boolean): void {
    if (isTraced) this.tracedVhosts.add(vhost);
    else this.tracedVhosts.delete(vhost);
  }

  setMemoryLimit(limit: Limit): void {
    this.noted.push(['memory', limit]);
  }

  setDiskLimit(limit: Limit): Promise<void> {
    this.noted.push(['disk', limit]);
    return Promise.resolve();
  }

  forceAlarm(resource: 'memory' | 'disk', isForced: boolean): void {
    this.noted.push([resource, isForced]);
  }
}
