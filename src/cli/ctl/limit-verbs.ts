// warrenmqctl's verbs about limits of virtual hosts and users. Runs in main. Limits are given as
// JSON: {"max-connections": 5}; a negative one is none.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import type { CtlContext, Verb } from './verb.ts';

async function setLimits({ api }: CtlContext, path: string, text: string): Promise<void> {
  let limits: unknown;
  try {
    limits = JSON.parse(text);
  } catch {
    throw new CtlError(EXIT_CODES.data, `limits are no JSON: ${text}`);
  }
  if (typeof limits !== 'object' || limits === null) {
    throw new CtlError(EXIT_CODES.data, `limits are a JSON object, got ${text}`);
  }
  for (const [name, value] of Object.entries(limits)) {
    await api.put(`${path}/${escaped(name)}`, { value });
  }
}

const valueColumn = {
  name: 'limits',
  valueOf: (row: Row): string => JSON.stringify(row['value']),
};

const setVhostLimits: Verb = {
  name: 'set_vhost_limits',
  arguments: '<limits>',
  description: 'Set limits of the virtual host: max-connections, max-queues.',
  run: async (context, [limits]) => {
    context.banner(`Setting vhost limits to "${limits}" for vhost "${context.vhost}" ...`);
    await setLimits(context, `vhost-limits/${escaped(context.vhost)}`, limits);
  },
};

const clearVhostLimits: Verb = {
  name: 'clear_vhost_limits',
  description: 'Take the limits of the virtual host away.',
  run: async (context) => {
    context.banner(`Clearing vhost "${context.vhost}" limits ...`);
    for (const name of ['max-connections', 'max-queues']) {
      await context.api.delete(`vhost-limits/${escaped(context.vhost)}/${name}`);
    }
  },
};

const listVhostLimits: Verb = {
  name: 'list_vhost_limits',
  description: 'List the limits of the virtual host.',
  options: (command) => void command.option('--global', 'Of all virtual hosts.'),
  run: async (context, _args, { global }) => {
    const { vhost, api } = context;
    const path = global === true ? '' : `/${escaped(vhost)}`;
    context.banner(
      global === true
        ? 'Listing limits for all vhosts ...'
        : `Listing limits for vhost "${vhost}" ...`,
    );
    const rows = await api.get<Row[]>(`vhost-limits${path}`);
    if (global === true) {
      context.rows([{ name: 'vhost', valueOf: (row) => row['vhost'] }, valueColumn], rows);
    } else {
      context.terminal.out(`${JSON.stringify(rows[0]?.['value'] ?? {})}\n`);
    }
  },
};

const setUserLimits: Verb = {
  name: 'set_user_limits',
  arguments: '<username> <limits>',
  description: 'Set limits of a user: max-connections, max-channels.',
  run: async (context, [user, limits]) => {
    context.banner(`Setting user limits to "${limits}" for user "${user}" ...`);
    await setLimits(context, `user-limits/${escaped(user)}`, limits);
  },
};

const clearUserLimits: Verb = {
  name: 'clear_user_limits',
  arguments: '<username> <limit>',
  description: 'Take a limit of a user away, or all of them.',
  run: async (context, [user, limit]) => {
    context.banner(`Clearing "${limit}" limits for user "${user}" ...`);
    const names = limit === 'all' ? ['max-connections', 'max-channels'] : [limit];
    for (const name of names) {
      await context.api.delete(`user-limits/${escaped(user)}/${escaped(name)}`);
    }
  },
};

const listUserLimits: Verb = {
  name: 'list_user_limits',
  description: 'List the limits of users.',
  options: (command) => {
    command.option('--user <name>', 'Of this user only.').option('--global', 'Of all users.');
  },
  run: async (context, _args, { user }) => {
    const name = typeof user === 'string' ? user : undefined;
    context.banner(
      name === undefined
        ? 'Listing limits for all users ...'
        : `Listing limits for user "${name}" ...`,
    );
    const rows = await context.api.get<Row[]>('user-limits');
    const shown = rows.filter((row) => name === undefined || row['user'] === name);
    context.rows([{ name: 'user', valueOf: (row) => row['user'] }, valueColumn], shown);
  },
};

export const limitVerbs: readonly Verb[] = [
  setVhostLimits,
  clearVhostLimits,
  listVhostLimits,
  setUserLimits,
  clearUserLimits,
  listUserLimits,
];
