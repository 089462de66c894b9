// Everything durable that main knows: topology, users, parameters. Main thread. What the log holds
// is applied here at start, and what happens later is both applied here and logged, in one order.
import { patternProblem } from '../../auth/pattern.ts';
import { type Permission, type TopicPermission, type User, Users } from '../../auth/users.ts';
import type { Command, Outcome } from '../../topology/command.ts';
import type { Topology } from '../../topology/topology.ts';
import type { AccountFact, Fact } from './fact.ts';
import { Parameters } from './parameters.ts';

export class BrokerState {
  readonly topology: Topology;
  readonly users: Users;
  readonly parameters: Parameters;

  constructor(topology: Topology) {
    this.topology = topology;
    this.users = new Users();
    this.parameters = new Parameters();
  }

  execute(command: Command): Outcome {
    const outcome = this.topology.execute(command);
    for (const change of outcome.changes) {
      if (change.kind === 'vhost-deleted') this.forgetVhost(change.vhost);
    }
    return outcome;
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
      case 'vhost-deleted':
        this.forgetVhost(fact.vhost);
        return this.topology.restore(fact);
      default:
        return this.topology.restore(fact);
    }
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
        this.parameters.set(fact.parameter);
        return undefined;
      case 'parameter-deleted':
        if (this.parameters.remove(fact.parameter)) return undefined;
        return `parameter '${fact.parameter.name}' does not exist`;
    }
  }

  /** All facts that rebuild this state, in an order that `restore` can take. */
  *facts(): Iterable<Fact> {
    yield* this.topology.durableFacts();
    for (const user of this.users.all()) yield* userFacts(user);
    for (const parameter of this.parameters.all()) yield { kind: 'parameter-set', parameter };
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
    if (problem !== undefined) return `the ${name} pattern '${pattern}' is ${problem}`;
  }
  return undefined;
}

function noUser(name: string): string {
  return `user '${name}' does not exist`;
}
