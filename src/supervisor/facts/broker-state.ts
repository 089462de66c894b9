// Everything durable that main knows: topology, users, parameters. Main thread. What the log holds
// is applied here at start, and what happens later is both applied here and logged, in one order.
import { compileNamePattern } from '../../base/name-pattern.ts';
import type { DefaultOperatorPolicy } from '../../config/broker-config.ts';
import { patternProblem } from '../../auth/pattern.ts';
import { type Permission, type TopicPermission, type User, Users } from '../../auth/users.ts';
import type { Command, Outcome } from '../../topology/command.ts';
import { isDurable } from '../../topology/durability.ts';
import { VHOST_METADATA } from '../../topology/own-parameters.ts';
import { isQueueType } from '../../topology/queue-arguments.ts';
import type { Change } from '../../routing/change.ts';
import { policyKindOf } from '../../topology/policy/policy.ts';
import { parsePolicy } from '../../topology/policy/policy-validation.ts';
import type { Topology } from '../../topology/topology.ts';
import type { AccountFact, Fact, JsonValue, Parameter } from './fact.ts';
import { Parameters } from './parameters.ts';

export interface Executed extends Outcome {
  /** What has to survive a restart of it. */
  readonly facts: readonly Fact[];
}

export class BrokerState {
  readonly topology: Topology;
  readonly users: Users;
  readonly parameters: Parameters;
  private readonly operatorPolicies: readonly DefaultOperatorPolicy[];

  /** `operatorPolicies` are what virtual hosts get when they are created. */
  constructor(topology: Topology, operatorPolicies: readonly DefaultOperatorPolicy[] = []) {
    this.topology = topology;
    this.operatorPolicies = operatorPolicies;
    this.users = new Users();
    this.parameters = new Parameters();
  }

  execute(command: Command): Executed {
    const outcome = this.topology.execute(command);
    const changes = [...outcome.changes];
    const facts: Fact[] = changes.filter(isDurable);
    for (const { kind, vhost } of outcome.changes) {
      if (kind === 'vhost-deleted') this.forgetVhost(vhost);
      if (kind !== 'vhost-created') continue;
      for (const fact of this.presetsOf(vhost)) {
        this.apply(fact);
        facts.push(fact);
        changes.push(...this.effectsOf(fact));
      }
    }
    return { ...outcome, changes, facts };
  }

  /** Takes a fact from the log; answers what was wrong with it, as `Topology.restore` does. */
  restore(fact: Fact): string | undefined {
    switch (fact.kind) {
      case 'queue-ids-used':
        this.topology.skipQueueIds(fact.below);
        return undefined;
      case 'user-set':
      case 'user-deleted':
      case 'permission-set':
      case 'permission-deleted':
      case 'topic-permission-set':
      case 'topic-permission-deleted':
      case 'user-limits-set':
      case 'parameter-set':
      case 'parameter-deleted':
        return this.apply(fact);
      case 'vhost-created':
        // Created anew, it was deleted before, though that fact is lost.
        if (this.topology.hasVhost(fact.vhost)) this.forgetVhost(fact.vhost);
        return this.topology.restore(fact);
      case 'vhost-deleted':
        this.forgetVhost(fact.vhost);
        return this.topology.restore(fact);
      default:
        return this.topology.restore(fact);
    }
  }

  /** After the last fact from the log. */
  restored(): void {
    this.topology.restorePolicies();
  }

  /** What replicas have to do about a fact that has just been applied. */
  effectsOf(fact: AccountFact): Change[] {
    if (fact.kind !== 'parameter-set' && fact.kind !== 'parameter-deleted') return [];
    const { vhost, component } = fact.parameter;
    return policyKindOf(component) === undefined ? [] : this.topology.applyPolicies(vhost);
  }

  /** Answers why the fact cannot be, if so; then nothing has changed. */
  apply(fact: AccountFact): string | undefined {
    switch (fact.kind) {
      case 'user-set': {
        const { account } = fact;
        // Permissions and limits outlive a change of password or tags.
        this.users.add({ permissions: new Map(), ...this.users.find(account.name), ...account });
        return undefined;
      }
      case 'user-deleted':
        if (this.users.find(fact.user) === undefined) return noUser(fact.user);
        this.users.remove(fact.user);
        return undefined;
      case 'permission-set':
      case 'permission-deleted': {
        if (this.users.find(fact.user) === undefined) return noUser(fact.user);
        const permission = fact.kind === 'permission-set' ? fact.permission : undefined;
        const problem = problemIn(permission);
        if (problem !== undefined) return problem;
        this.users.setPermission(fact.user, fact.vhost, permission);
        return undefined;
      }
      case 'topic-permission-set':
      case 'topic-permission-deleted': {
        const { user, vhost, exchange } = fact;
        if (this.users.find(user) === undefined) return noUser(user);
        const permission = fact.kind === 'topic-permission-set' ? fact.permission : undefined;
        const problem = problemIn(permission);
        if (problem !== undefined) return problem;
        this.users.setTopicPermission(user, vhost, exchange, permission);
        return undefined;
      }
      case 'user-limits-set':
        if (this.users.find(fact.user) === undefined) return noUser(fact.user);
        this.users.setLimits(fact.user, fact.limits);
        return undefined;
      case 'parameter-set':
        return this.setParameter(fact.parameter);
      case 'parameter-deleted':
        return this.removeParameter(fact.parameter);
    }
  }

  /** All facts that rebuild this state, in an order that `restore` can take. */
  *facts(): Iterable<Fact> {
    yield* this.topology.durableFacts();
    for (const user of this.users.all()) yield* userFacts(user);
    for (const parameter of this.parameters.all()) yield { kind: 'parameter-set', parameter };
  }

  private *presetsOf(vhost: string): Iterable<AccountFact> {
    for (const preset of this.operatorPolicies) {
      const { name, vhostPattern, queuePattern: pattern, applyTo, definition } = preset;
      // It was found to be a pattern when the configuration was read.
      if (!(compileNamePattern(vhostPattern) as RegExp).test(vhost)) continue;
      const value = { pattern, definition, priority: 0, 'apply-to': applyTo };
      const parameter = { vhost, component: 'operator_policy', name, value };
      yield { kind: 'parameter-set', parameter };
    }
  }

  private setParameter(parameter: Parameter): string | undefined {
    const { vhost, component, name, value } = parameter;
    const kind = policyKindOf(component);
    if (kind !== undefined) {
      const policy = parsePolicy(kind, name, value);
      if (typeof policy === 'string') return policy;
      if (!this.topology.setPolicy(vhost, kind, policy)) return `vhost ${vhost} not found`;
    }
    if (component === VHOST_METADATA.component) {
      const problem = this.setMetadata(vhost, value);
      if (problem !== undefined) return problem;
    }
    this.parameters.set(parameter);
    return undefined;
  }

  /** Texts: rabbit_queue_type:validate_default_queue_type. */
  private setMetadata(vhost: string, value: JsonValue): string | undefined {
    const isObject = typeof value === 'object' && value !== null;
    const asked = isObject ? (value as Record<string, JsonValue>)['default_queue_type'] : undefined;
    const type = asked === 'undefined' || asked === null ? undefined : asked;
    if (type !== undefined && !isQueueType(type)) {
      return `${JSON.stringify(type)} is not a valid default_queue_type value (classic or quorum)`;
    }
    return this.topology.setDefaultQueueType(vhost, type) ? undefined : `vhost ${vhost} not found`;
  }

  private removeParameter(parameter: Omit<Parameter, 'value'>): string | undefined {
    const { vhost, component, name } = parameter;
    if (!this.parameters.remove(parameter)) return `parameter '${name}' does not exist`;
    const kind = policyKindOf(component);
    if (kind !== undefined) this.topology.removePolicy(vhost, kind, name);
    if (component === VHOST_METADATA.component) this.topology.setDefaultQueueType(vhost, undefined);
    return undefined;
  }

  private forgetVhost(vhost: string): void {
    this.users.forgetVhost(vhost);
    this.parameters.forgetVhost(vhost);
  }
}

function* userFacts(known: User): Iterable<Fact> {
  const { permissions, topicPermissions, limits, ...account } = known;
  const user = account.name;
  yield { kind: 'user-set', account };
  for (const [vhost, permission] of permissions) {
    yield { kind: 'permission-set', user, vhost, permission };
  }
  for (const [vhost, byExchange] of topicPermissions ?? []) {
    for (const [exchange, permission] of byExchange) {
      yield { kind: 'topic-permission-set', user, vhost, exchange, permission };
    }
  }
  if (limits !== undefined) yield { kind: 'user-limits-set', user, limits };
}

function problemIn(permission: Permission | TopicPermission | undefined): string | undefined {
  for (const [name, pattern] of Object.entries(permission ?? {})) {
    const problem = patternProblem(pattern);
    if (problem !== undefined) return `${name} is no regular expression: '${pattern}' (${problem})`;
  }
  return undefined;
}

function noUser(name: string): string {
  return `user '${name}' does not exist`;
}
