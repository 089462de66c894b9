// The events of what becomes of users, permissions and parameters (https://www.rabbitmq.com/docs/
// event-exchange). Main thread. A fact says how a user is now; which event that is follows from how
// the user was before, so that is kept here.
import type { Account } from '../auth/users.ts';
import type { BrokerEvent } from '../plugins/plugin.ts';
import type { AccountFact, JsonValue } from './facts/fact.ts';

type Event = Pick<BrokerEvent, 'key' | 'properties'>;

const POLICY_COMPONENTS: ReadonlySet<string> = new Set(['policy', 'operator_policy']);

export class AccountEvents {
  private readonly accounts: Map<string, Account>;

  constructor() {
    this.accounts = new Map();
  }

  know(accounts: Iterable<Account>): void {
    for (const account of accounts) this.accounts.set(account.name, account);
  }

  /** Undefined for facts of other kinds. */
  of(fact: AccountFact): Event | undefined {
    switch (fact.kind) {
      case 'user-set':
        return this.user(fact.account);
      case 'user-deleted':
        this.accounts.delete(fact.user);
        return { key: 'user.deleted', properties: { name: fact.user } };
      case 'permission-set': {
        const { user, vhost, permission } = fact;
        return { key: 'permission.created', properties: { user, vhost, ...permission } };
      }
      case 'permission-deleted': {
        const { user, vhost } = fact;
        return { key: 'permission.deleted', properties: { user, vhost } };
      }
      case 'topic-permission-set': {
        const { user, vhost, exchange, permission } = fact;
        const properties = { user, vhost, exchange, ...permission };
        return { key: 'topic.permission.created', properties };
      }
      case 'topic-permission-deleted': {
        const { user, vhost, exchange } = fact;
        const properties = exchange === undefined ? { user, vhost } : { user, vhost, exchange };
        return { key: 'topic.permission.deleted', properties };
      }
      case 'user-limits-set': {
        const { user: name, limits } = fact;
        const isLimited = Object.keys(limits).length > 0;
        return {
          key: isLimited ? 'user.limits.set' : 'user.limits.cleared',
          properties: { name, ...limits },
        };
      }
      case 'parameter-set': {
        const { component, value, ...rest } = fact.parameter;
        const key = POLICY_COMPONENTS.has(component) ? 'policy.set' : 'parameter.set';
        return { key, properties: { ...rest, component, value: jsonText(value) } };
      }
      case 'parameter-deleted': {
        const { component, vhost, name } = fact.parameter;
        const key = POLICY_COMPONENTS.has(component) ? 'policy.cleared' : 'parameter.cleared';
        return { key, properties: { vhost, component, name } };
      }
      default:
        return undefined;
    }
  }

  private user(account: Account): Event {
    const { name, tags, passwordHash } = account;
    const before = this.accounts.get(name);
    this.accounts.set(name, account);
    if (before === undefined) return { key: 'user.created', properties: { name, tags } };
    if (before.passwordHash === passwordHash) {
      return { key: 'user.tags.set', properties: { name, tags } };
    }
    const key = passwordHash === '' ? 'user.password.cleared' : 'user.password.changed';
    return { key, properties: { name } };
  }
}

function jsonText(value: JsonValue): string {
  return JSON.stringify(value);
}
