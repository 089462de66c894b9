// warrenmqctl's verbs about policies, operator policies and runtime parameters. Runs in main, of a
// process of its own. Whether a policy is right is for the broker to say.
import { escaped, type Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import { plainColumns, type Verb } from './verb.ts';

function parsed(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CtlError(EXIT_CODES.data, `${what} is no JSON: ${text}`);
  }
}

/** Both kinds of policies have the same verbs. */
function policyVerbs(infix: string, word: string, path: string): Verb[] {
  const setPolicy: Verb = {
    name: `set_${infix}policy`,
    arguments: '<name> <pattern> <definition>',
    description: `Set ${word}: a pattern of names, and what is to hold for them as JSON.`,
    options: (command) => {
      command
        .option('--priority <n>', 'The highest one counts.', '0')
        .option('--apply-to <what>', 'queues, exchanges or all, among others.', 'all');
    },
    run: async (context, [name, pattern, definition], options) => {
      const { vhost, api } = context;
      const { priority, applyTo } = options;
      context.banner(
        `Setting ${word} "${name}" for pattern "${pattern}" to "${definition}" with priority ` +
          `"${String(priority)}" for vhost "${vhost}" ...`,
      );
      const number = Number(priority);
      if (!Number.isSafeInteger(number)) {
        throw new CtlError(EXIT_CODES.data, `priority is a whole number, got ${String(priority)}`);
      }
      await api.put(`${path}/${escaped(vhost)}/${escaped(name)}`, {
        pattern,
        definition: parsed('definition', definition),
        priority: number,
        'apply-to': applyTo,
      });
    },
  };
  const clearPolicy: Verb = {
    name: `clear_${infix}policy`,
    arguments: '<name>',
    description: `Take ${word} away.`,
    run: async (context, [name]) => {
      const { vhost, api } = context;
      context.banner(`Clearing ${word} "${name}" on vhost "${vhost}" ...`);
      if (await api.delete(`${path}/${escaped(vhost)}/${escaped(name)}`)) return;
      throw new CtlError(EXIT_CODES.software, `Parameter does not exist: ${name}`);
    },
  };
  const listPolicies: Verb = {
    name: `list_${infix}policies`,
    description: `List what is set by ${word} in the virtual host.`,
    run: async (context) => {
      const { vhost, api } = context;
      context.banner(`Listing ${infix.replace('_', ' ')}policies for vhost "${vhost}" ...`);
      const rows = await api.get<Row[]>(`${path}/${escaped(vhost)}`);
      const definition = (row: Row): string => JSON.stringify(row['definition']);
      const columns = plainColumns(['vhost', 'name', 'pattern', 'apply-to']);
      columns.push({ name: 'definition', valueOf: definition }, ...plainColumns(['priority']));
      context.rows(columns, rows);
    },
  };
  return [setPolicy, clearPolicy, listPolicies];
}

const setParameter: Verb = {
  name: 'set_parameter',
  arguments: '<component> <name> <value>',
  description: 'Set a runtime parameter to a JSON value.',
  run: async (context, [component, name, value]) => {
    const { api, vhost } = context;
    context.banner(
      `Setting runtime parameter "${name}" for component "${component}" to "${value}" ` +
        `in vhost "${vhost}" ...`,
    );
    const path = `parameters/${escaped(component)}/${escaped(vhost)}/${escaped(name)}`;
    await api.put(path, { value: parsed('value', value) });
  },
};

const clearParameter: Verb = {
  name: 'clear_parameter',
  arguments: '<component> <name>',
  description: 'Take a runtime parameter away.',
  run: async (context, [component, name]) => {
    const { api, vhost } = context;
    context.banner(`Clearing runtime parameter "${name}" for component "${component}" ...`);
    const path = `parameters/${escaped(component)}/${escaped(vhost)}/${escaped(name)}`;
    if (await api.delete(path)) return;
    throw new CtlError(EXIT_CODES.software, `Parameter does not exist: ${component} ${name}`);
  },
};

const listParameters: Verb = {
  name: 'list_parameters',
  description: 'List the runtime parameters of the virtual host.',
  run: async (context) => {
    const { vhost } = context;
    context.banner(`Listing runtime parameters for vhost "${vhost}" ...`);
    const all = await context.api.get<Row[]>('parameters');
    const value = (row: Row): string => JSON.stringify(row['value']);
    const columns = [...plainColumns(['component', 'name']), { name: 'value', valueOf: value }];
    context.rows(
      columns,
      all.filter((row) => row['vhost'] === vhost),
    );
  },
};

const setGlobal: Verb = {
  name: 'set_global_parameter',
  arguments: '<name> <value>',
  description: 'Set a global parameter to a JSON value.',
  run: async (context, [name, value]) => {
    context.banner(`Setting global runtime parameter "${name}" to "${value}" ...`);
    const body = { value: parsed('value', value) };
    await context.api.put(`global-parameters/${escaped(name)}`, body);
  },
};

const clearGlobal: Verb = {
  name: 'clear_global_parameter',
  arguments: '<name>',
  description: 'Take a global parameter away.',
  run: async (context, [name]) => {
    context.banner(`Clearing global runtime parameter "${name}" ...`);
    if (await context.api.delete(`global-parameters/${escaped(name)}`)) return;
    throw new CtlError(EXIT_CODES.software, `Parameter does not exist: ${name}`);
  },
};

const listGlobals: Verb = {
  name: 'list_global_parameters',
  description: 'List global parameters.',
  run: async (context) => {
    context.banner('Listing global runtime parameters ...');
    const value = (row: Row): string => JSON.stringify(row['value']);
    const columns = [...plainColumns(['name']), { name: 'value', valueOf: value }];
    context.rows(columns, await context.api.get<Row[]>('global-parameters'));
  },
};

export const policyAndParameterVerbs: readonly Verb[] = [
  ...policyVerbs('', 'policy', 'policies'),
  ...policyVerbs('operator_', 'operator policy', 'operator-policies'),
  setParameter,
  clearParameter,
  listParameters,
  setGlobal,
  clearGlobal,
  listGlobals,
];
