// warrenmqctl's verbs that close connections, with 320 and the reason. Runs in main, of a process
// of its own. Which connections they are is found out by listing them.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import type { CtlContext, Verb } from './verb.ts';

interface ConnectionRow extends Row {
  readonly name: string;
  readonly vhost: string;
}

async function close({ api }: CtlContext, names: readonly string[], reason: string): Promise<void> {
  const headers = { 'x-reason': encodeHeader(reason) };
  await Promise.all(names.map((name) => api.delete(`connections/${escaped(name)}`, headers)));
}

/** Headers are ASCII: what is not stands for itself as question marks. */
function encodeHeader(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, '?');
}

const closeConnection: Verb = {
  name: 'close_connection',
  arguments: '<pid> <reason>',
  description: 'Close the connection of this pid (list_connections pid) or name.',
  run: async (context, [pid, reason]) => {
    context.banner(`Closing connection ${pid}, reason: ${reason}...`);
    const headers = { 'x-reason': encodeHeader(reason) };
    if (await context.api.delete(`connections/${escaped(pid)}`, headers)) return;
    throw new CtlError(EXIT_CODES.software, `connection ${pid} is not known`);
  },
};

const closeAll: Verb = {
  name: 'close_all_connections',
  arguments: '<reason>',
  description: 'Close all connections to the virtual host, or to all with --global.',
  options: (command) => {
    command
      .option('--global', 'In all virtual hosts.')
      .option('--limit <n>', 'At most so many; 0 is all.', '0')
      .option('--per-connection-delay <millis>', 'Taken and not needed.', '0');
  },
  run: async (context, [reason], { global, limit }) => {
    const { vhost } = context;
    const where = global === true ? 'in all vhosts' : `in vhost ${vhost}`;
    context.banner(
      `Closing all connections ${where} (limit ${String(limit)}), reason: ${reason}...`,
    );
    const all = await context.api.get<ConnectionRow[]>('connections');
    const inside = all.filter((row) => global === true || row.vhost === vhost);
    const max = Number(limit);
    const chosen = max > 0 ? inside.slice(0, max) : inside;
    await close(
      context,
      chosen.map(({ name }) => name),
      reason,
    );
    context.done(`Closed ${chosen.length} connections`);
  },
};

const closeOfUser: Verb = {
  name: 'close_all_user_connections',
  arguments: '<username> <reason>',
  description: 'Close all connections of a user.',
  run: async (context, [user, reason]) => {
    context.banner(`Closing connections, reason: ${reason}... User: ${user}`);
    const headers = { 'x-reason': encodeHeader(reason) };
    await context.api.delete(`connections/username/${escaped(user)}`, headers);
  },
};

export const connectionVerbs: readonly Verb[] = [closeConnection, closeAll, closeOfUser];
