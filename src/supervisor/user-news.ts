// What acceptors are told when a user changes. Main thread. They get all of the user that
// decides what its connections may do, so that one message is as good as many, and never a
// password's hash.
import type { AcceptorControl, ChangedUser } from '../acceptor/control-messages.ts';
import { type Access, accessOf, type Users } from '../auth/users.ts';
import type { BrokerThread } from './broker-thread.ts';
import type { AccountFact } from './facts/fact.ts';
import type { LiveLimits } from './live-limits.ts';

/** Tells all acceptors what has become of users. */
export function userTeller(
  users: Users,
  limits: LiveLimits,
  acceptors: readonly Pick<BrokerThread<never>, 'send'>[],
): (names: readonly string[]) => void {
  return (names) => {
    const changed = names.map((name) => changedUser(users, limits, name));
    const message: AcceptorControl = { kind: 'users-changed', users: changed };
    for (const acceptor of acceptors) acceptor.send(message);
  };
}

/** Whom a fact is about; undefined: no user. */
export function userOf(fact: AccountFact): string | undefined {
  if (fact.kind === 'parameter-set' || fact.kind === 'parameter-deleted') return undefined;
  return fact.kind === 'user-set' ? fact.account.name : fact.user;
}

export function changedUser(users: Users, limits: LiveLimits, name: string): ChangedUser {
  const user = users.find(name);
  const access = new Map<string, Access>();
  for (const vhost of user?.permissions.keys() ?? []) access.set(vhost, accessOf(user!, vhost)!);
  const { channelsMax } = limits.ofUser(name);
  return { name, isDeleted: user === undefined, access, channelsMax };
}
