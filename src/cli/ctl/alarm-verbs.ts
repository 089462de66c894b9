// warrenmqctl's verbs about memory, disk and their alarms. Runs in main. The test suites of clients
// set alarms by `rabbitmqctl eval` with one expression of Erlang, and RabbitMQ's documentation has
// operators renew certificates with another: these are understood, and no others are.
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import type { CtlContext, Verb } from './verb.ts';

const ALARM_EXPRESSION =
  /rabbit_alarm:(?<verb>set|clear)_alarm\(\{+\s*resource_limit,\s*(?<resource>memory|disk)\b/u;

const CERTIFICATES_EXPRESSION = /^\s*ssl:clear_pem_cache\(\)\s*\.?\s*$/u;

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 1000,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1000 ** 2,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1000 ** 3,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1000 ** 4,
};

function bytesFrom(text: string): number {
  const { amount = '', unit = '' } =
    /^(?<amount>\d+(?:\.\d+)?)\s*(?<unit>[a-z]*)$/iu.exec(text)?.groups ?? {};
  const factor = UNITS[unit.toLowerCase()];
  if (amount === '' || factor === undefined) {
    throw new CtlError(EXIT_CODES.data, `'${text}' is no size such as 1GB or 500MiB`);
  }
  return Math.floor(Number(amount) * factor);
}

function shareFrom(text: string): number {
  const share = Number(text);
  if (/^\d*\.?\d+(?:e-?\d+)?$/iu.test(text) && share >= 0) return share;
  throw new CtlError(EXIT_CODES.data, `'${text}' is no share such as 0.4`);
}

async function node({ api }: CtlContext): Promise<string> {
  return (await api.get<{ name: string }[]>('nodes'))[0].name;
}

const setMemory: Verb = {
  name: 'set_vm_memory_high_watermark',
  arguments: '<fraction> [bytes]',
  description: 'Set the memory that messages may take: a share, or `absolute` and a size.',
  run: async (context, [fraction, size]) => {
    const shown = fraction === 'absolute' ? `${size} bytes` : fraction;
    context.banner(`Setting memory threshold on ${await node(context)} to ${shown} ...`);
    const isAbsolute = fraction === 'absolute' && size !== undefined;
    const limit = isAbsolute ? { bytes: bytesFrom(size) } : { relative: shareFrom(fraction) };
    await context.api.put('warrenmq/memory-limit', limit);
  },
};

const setDisk: Verb = {
  name: 'set_disk_free_limit',
  arguments: '<limit> [fraction]',
  description: 'Set how much of the disk stays free: a size, or `mem_relative` and a share.',
  run: async (context, [limit, fraction]) => {
    const isRelative = limit === 'mem_relative' && fraction !== undefined;
    const shown = isRelative ? `${fraction} times the total RAM` : `${limit} bytes`;
    context.banner(`Setting disk free limit on ${await node(context)} to ${shown} ...`);
    const body = isRelative ? { relative: shareFrom(fraction) } : { bytes: bytesFrom(limit) };
    await context.api.put('warrenmq/disk-limit', body);
  },
};

function alarm(name: string, isSet: boolean, description: string): Verb {
  return {
    name,
    arguments: '<resource>',
    description,
    run: async (context, [resource]) => {
      if (resource !== 'memory' && resource !== 'disk') {
        throw new CtlError(
          EXIT_CODES.usage,
          `there are alarms of memory and disk, not ${resource}`,
        );
      }
      await change(context, resource, isSet);
    },
  };
}

async function change({ api }: CtlContext, resource: string, isSet: boolean): Promise<void> {
  if (isSet) await api.put(`warrenmq/alarms/${resource}`, {});
  else await api.delete(`warrenmq/alarms/${resource}`);
}

const evaluate: Verb = {
  name: 'eval',
  arguments: '<expression>',
  description:
    'rabbit_alarm:set_alarm and clear_alarm of a resource_limit, ssl:clear_pem_cache, no others.',
  run: async (context, [expression]) => {
    if (CERTIFICATES_EXPRESSION.test(expression)) {
      await context.api.post('warrenmq/certificates', {});
      context.terminal.out('ok\n');
      return;
    }
    const { verb, resource } = ALARM_EXPRESSION.exec(expression)?.groups ?? {};
    if (verb === undefined || resource === undefined) {
      throw new CtlError(
        EXIT_CODES.software,
        `this broker knows no Erlang: '${expression}' cannot be evaluated`,
      );
    }
    await change(context, resource, verb === 'set');
    context.terminal.out('ok\n');
  },
};

export const alarmVerbs: readonly Verb[] = [
  setMemory,
  setDisk,
  alarm('set_alarm', true, 'Set the alarm of memory or disk, whatever there is of it.'),
  alarm('clear_alarm', false, 'Clear the alarm that set_alarm has set.'),
  evaluate,
];
