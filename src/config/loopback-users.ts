// The users that may connect from this machine only. Runs in main only. `loopback_users = none`
// empties the list, `loopback_users.NAME = true | false` adds or removes a user. Unlike RabbitMQ,
// naming another user does not silently open `guest` to the network: that takes `none` or
// `loopback_users.guest = false`. https://www.rabbitmq.com/docs/access-control#loopback-users

const KEY = 'loopback_users';

/** The list after one assignment, or what the value should have been. */
export function assignLoopbackUsers(
  users: readonly string[],
  key: string,
  value: string,
): { readonly users: readonly string[] } | { readonly expected: string } {
  if (key === KEY) {
    if (value === 'none') return { users: [] };
    const names = value.split(',').map((name) => name.trim());
    if (names.includes('')) return { expected: 'none or user names with commas between them' };
    return { users: [...new Set(names)] };
  }
  // A dot in a user name is written `\.`, as everywhere in rabbitmq.conf keys.
  const name = key.slice(KEY.length + 1).replaceAll('\\.', '.');
  const others = users.filter((user) => user !== name);
  if (value === 'true') return { users: [...others, name] };
  if (value === 'false') return { users: others };
  return { expected: 'true or false' };
}
