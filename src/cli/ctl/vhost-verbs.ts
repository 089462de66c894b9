// warrenmqctl's verbs about virtual hosts, tracing among them. Runs in main, of a process of its
// own. Texts are rabbitmqctl's.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES, noSuchVhost } from './ctl-error.ts';
import { Atoms } from './output.ts';
import { chosenColumns, type CtlContext, type Verb } from './verb.ts';

async function findVhost({ api }: CtlContext, name: string): Promise<Row> {
  const vhost = await api.find(`vhosts/${escaped(name)}`);
  if (vhost === undefined) throw noSuchVhost(name);
  return vhost;
}

const addVhost: Verb = {
  name: 'add_vhost',
  arguments: '<vhost>',
  description: 'Create a virtual host.',
  options: (command) => {
    command
      .option('--description <text>', 'What it is for.')
      .option('--tags <tags>', 'Tags, with commas between.')
      .option('--default-queue-type <type>', 'What queues are that are declared without a type.');
  },
  run: async (context, [name], { description, tags, defaultQueueType }) => {
    context.banner(`Adding vhost "${name}" ...`);
    const { api } = context;
    const path = `vhosts/${escaped(name)}`;
    if ((await api.find(path)) !== undefined) {
      throw new CtlError(EXIT_CODES.software, `Virtual host "${name}" already exists`);
    }
    await api.put(path, { description, tags, default_queue_type: defaultQueueType });
    // The API lets whoever makes a virtual host use it; rabbitmqctl acts for nobody.
    const { name: user } = await api.get<{ name: string }>('whoami');
    await api.delete(`permissions/${escaped(name)}/${escaped(user)}`);
  },
};

const updateMetadata: Verb = {
  name: 'update_vhost_metadata',
  arguments: '<vhost>',
  description: 'Change the description, tags or default queue type of a virtual host.',
  options: (command) => addVhost.options!(command),
  run: async (context, [name], { description, tags, defaultQueueType }) => {
    context.banner(`Updating metadata of vhost "${name}" ...`);
    await findVhost(context, name);
    const body = { description, tags, default_queue_type: defaultQueueType };
    await context.api.put(`vhosts/${escaped(name)}`, body);
  },
};

const deleteVhost: Verb = {
  name: 'delete_vhost',
  arguments: '<vhost>',
  description: 'Delete a virtual host with everything in it.',
  run: async (context, [name]) => {
    context.banner(`Deleting vhost "${name}" ...`);
    if (!(await context.api.delete(`vhosts/${escaped(name)}`))) throw noSuchVhost(name);
  },
};

const listVhosts: Verb = {
  name: 'list_vhosts',
  arguments: '[columns...]',
  description: 'List virtual hosts.',
  run: async (context, asked) => {
    const known = ['name', 'tracing', 'description', 'default_queue_type', 'cluster_state'];
    const tags = (row: Row) => new Atoms(row['tags'] as readonly string[]);
    const columns = chosenColumns(asked, ['name'], { tags }, known);
    context.banner('Listing vhosts ...');
    context.rows(columns, await context.api.get<Row[]>('vhosts'));
  },
};

function trace(name: string, isTraced: boolean, words: readonly [string, string]): Verb {
  return {
    name,
    description: `${isTraced ? 'Start' : 'Stop'} tracing messages of a virtual host (firehose).`,
    run: async (context) => {
      const { vhost } = context;
      context.banner(`${words[0]} tracing for vhost "${vhost}" ...`);
      await findVhost(context, vhost);
      await context.api.put(`vhosts/${escaped(vhost)}`, { tracing: isTraced });
      context.done(`Trace ${words[1]} for vhost ${vhost}`);
    },
  };
}

export const vhostVerbs: readonly Verb[] = [
  addVhost,
  updateMetadata,
  deleteVhost,
  listVhosts,
  trace('trace_on', true, ['Starting', 'enabled']),
  trace('trace_off', false, ['Stopping', 'disabled']),
];
