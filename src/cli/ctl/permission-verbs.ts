// warrenmqctl's verbs about permissions and topic permissions. Runs in main, of a process of its
// own. Texts are rabbitmqctl's.
import { escaped, type Row } from './api-client.ts';
import { noSuchUser, noSuchVhost } from './ctl-error.ts';
import { type CtlContext, plainColumns, type Verb } from './verb.ts';

/** What a 404 would not tell apart. */
async function assertBoth({ api, vhost }: CtlContext, user: string): Promise<void> {
  if ((await api.find(`users/${escaped(user)}`)) === undefined) throw noSuchUser(user);
  if ((await api.find(`vhosts/${escaped(vhost)}`)) === undefined) throw noSuchVhost(vhost);
}

function pathOf(kind: string, { vhost }: CtlContext, user: string): string {
  return `${kind}/${escaped(vhost)}/${escaped(user)}`;
}

const setPermissions: Verb = {
  name: 'set_permissions',
  arguments: '<username> <configure> <write> <read>',
  description: 'Let a user into the virtual host, with these patterns of names.',
  run: async (context, [user, configure, write, read]) => {
    context.banner(`Setting permissions for user "${user}" in vhost "${context.vhost}" ...`);
    await assertBoth(context, user);
    await context.api.put(pathOf('permissions', context, user), { configure, write, read });
  },
};

const clearPermissions: Verb = {
  name: 'clear_permissions',
  arguments: '<username>',
  description: 'Take all permissions in the virtual host away from a user.',
  run: async (context, [user]) => {
    context.banner(`Clearing permissions for user "${user}" in vhost "${context.vhost}" ...`);
    await assertBoth(context, user);
    await context.api.delete(pathOf('permissions', context, user));
  },
};

const setTopicPermissions: Verb = {
  name: 'set_topic_permissions',
  arguments: '<username> <exchange> <write> <read>',
  description: 'Restrict the routing keys that a user may use on a topic exchange.',
  run: async (context, [user, exchange, write, read]) => {
    context.banner(
      `Setting topic permissions on "${exchange}" for user "${user}" in vhost ` +
        `"${context.vhost}" ...`,
    );
    await assertBoth(context, user);
    const body = { exchange, write, read };
    await context.api.put(pathOf('topic-permissions', context, user), body);
  },
};

const clearTopicPermissions: Verb = {
  name: 'clear_topic_permissions',
  arguments: '<username> [exchange]',
  description: 'Take topic permissions away from a user: of one exchange, or of all.',
  run: async (context, [user, exchange]) => {
    const on = exchange === undefined ? '' : ` on "${exchange}"`;
    context.banner(
      `Clearing topic permissions${on} for user "${user}" in vhost "${context.vhost}" ...`,
    );
    await assertBoth(context, user);
    const rest = exchange === undefined ? '' : `/${escaped(exchange)}`;
    await context.api.delete(pathOf('topic-permissions', context, user) + rest);
  },
};

const PERMISSION = ['configure', 'write', 'read'];
const TOPIC_PERMISSION = ['exchange', 'write', 'read'];

function listOfVhost(name: string, what: string, kind: string, columns: readonly string[]): Verb {
  return {
    name,
    description: `List ${what} in the virtual host.`,
    run: async (context) => {
      const { vhost, api } = context;
      context.banner(`Listing ${what} for vhost "${vhost}" ...`);
      const rows = await api.find<Row[]>(`vhosts/${escaped(vhost)}/${kind}`);
      if (rows === undefined) throw noSuchVhost(vhost);
      context.rows(plainColumns(['user', ...columns]), rows);
    },
  };
}

function listOfUser(name: string, what: string, kind: string, columns: readonly string[]): Verb {
  return {
    name,
    arguments: '<username>',
    description: `List ${what} of a user.`,
    run: async (context, [user]) => {
      context.banner(`Listing ${what} for user "${user}" ...`);
      const rows = await context.api.find<Row[]>(`users/${escaped(user)}/${kind}`);
      if (rows === undefined) throw noSuchUser(user);
      context.rows(plainColumns(['vhost', ...columns]), rows);
    },
  };
}

const TOPICS = ['topic permissions', 'topic-permissions', TOPIC_PERMISSION] as const;

export const permissionVerbs: readonly Verb[] = [
  setPermissions,
  clearPermissions,
  setTopicPermissions,
  clearTopicPermissions,
  listOfVhost('list_permissions', 'permissions', 'permissions', PERMISSION),
  listOfUser('list_user_permissions', 'permissions', 'permissions', PERMISSION),
  listOfVhost('list_topic_permissions', ...TOPICS),
  listOfUser('list_user_topic_permissions', ...TOPICS),
];
