// Everything durable that main knows: topology, users, parameters. Main thread. What the log holds
// is applied here at start, and what happens later is both applied here and logged, in one order.
import { Users } from '../../auth/users.ts';
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
        // Permissions outlive a change of password or tags.
        const permissions = this.users.find(account.name)?.permissions ?? new Map();
        this.users.add({ ...account, permissions });
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
        this.users.setPermission(fact.user, fact.vhost, permission);
        return undefined;
      }
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
    for (const { permissions, ...account } of this.users.all()) {
      yield { kind: 'user-set', account };
      for (const [vhost, permission] of permissions) {
        yield { kind: 'permission-set', user: account.name, vhost, permission };
      }
    }
    for (const parameter of this.parameters.all()) yield { kind: 'parameter-set', parameter };
  }

  private forgetVhost(vhost: string): void {
    this.users.forgetVhost(vhost);
    this.parameters.forgetVhost(vhost);
  }
}

function noUser(name: string): string {
  return `user '${name}' does not exist`;
}
