// Makes docs/configuration.md from the schema: `node src/config/write-reference.ts` after changing
// it. Runs in a process of its own, never in the broker. A test compares the checked-in file with
// what this makes, so the output is a pure function of the schema.
import { writeFileSync } from 'node:fs';
import { listenerText } from './listeners.ts';
import { schemaGroups } from './schema.ts';
import { environmentName, flagText, type Setting, type SettingType } from './setting.ts';
import { sizeText } from './value-parser.ts';
import { limitText } from './vhost-limits.ts';

const HEADER = `# Configuration

<!-- Made by src/config/write-reference.ts from src/config/schema.ts. Do not edit: change the schema
     and run \`node src/config/write-reference.ts\`. -->

Without any configuration a broker listens on port 5672 of every address and keeps its files in
\`./data\`. To change that:

- **A file** in the syntax of \`rabbitmq.conf\`, named by \`--config FILE\`,
  \`WARRENMQ_CONFIG_FILE\` or \`RABBITMQ_CONFIG_FILE\`.
  [warrenmq.conf.example](warrenmq.conf.example) has every key with its default.
- **The environment**: every key as \`WARRENMQ_<KEY>\`, in capitals and with underscores for dots,
  and RabbitMQ's own variables where the table names one. An empty variable counts as unset.
- **Flags**: those in the table, \`--host\` and \`--port\` for all listeners, and
  \`--set key=value\` for any key.

Flags win over \`WARRENMQ_\` variables, those over \`RABBITMQ_\` variables, those over the file, and
the file over the defaults. \`warrenmq server --print-config\` prints what is in force and where
each value comes from, and starts nothing.

Every problem is reported at once, with file and line, and the broker does not start (exit code 78).
An unknown key is a problem; the nearest known key is suggested. A key that RabbitMQ has and
WarrenMQ does not act on gives a warning, so that an existing \`rabbitmq.conf\` can be used as it
is.

Sizes are bytes, or take kB, KiB, MB, MiB, GB, GiB. Times are in the unit given, or take ms, s, m
or h.
`;

/** The whole page. */
export function configurationReference(): string {
  const groups = Object.entries(schemaGroups).map(
    ([title, settings]) => `\n## ${title}\n\n${tableOf(settings)}`,
  );
  return HEADER + groups.join('');
}

function tableOf(settings: readonly Setting[]): string {
  const rows = settings.map((setting) => [
    names(setting),
    setting.description,
    typeText(setting.type),
    setting.defaultText ?? `\`${defaultText(setting)}\``,
    environment(setting),
  ]);
  const lines = [['Key', 'Meaning', 'Type', 'Default', 'Environment and flag'], ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  );
  lines.splice(1, 0, '|---|---|---|---|---|');
  return `${lines.join('\n')}\n`;
}

function names({ key, otherKeys }: Setting): string {
  const others = (otherKeys ?? []).map((other) => `, also \`${other}\``);
  return `\`${key}\`${others.join('')}`;
}

function environment({ key, rabbitmqEnvironment, flag }: Setting): string {
  const all = [environmentName(key), ...(rabbitmqEnvironment ?? [])];
  if (flag !== undefined) all.push(flagText(flag));
  return all.map((name) => `\`${name}\``).join(', ');
}

function typeText(type: SettingType): string {
  switch (type.kind) {
    case 'integer':
      return `integer, ${type.min} to ${type.max}`;
    case 'port-or-none':
      return 'port, or `none`';
    case 'size': {
      const range = `${sizeText(type.bytesMin)} to ${sizeText(type.bytesMax)}`;
      const none = type.orNone === true ? ', or `none`' : '';
      const power = type.powerOfTwo === true ? 'a power of two, ' : '';
      return `size, ${power}${range}${none}`;
    }
    case 'fraction':
      return 'number, 0 to 1';
    case 'duration':
      return `${type.unit}, ${type.min} to ${type.max}`;
    case 'string':
      return `${type.patternText ?? 'text of 1 to 255 bytes'}${orNone(type)}`;
    case 'choice':
      return type.choices.map((choice) => `\`${choice}\``).join(', ');
    case 'host':
      return 'IP address or host name';
    case 'path':
      return `path${orNone(type)}`;
    case 'listeners':
      return 'port, `host:port`, or `none` for the whole list';
    case 'limit': {
      const most = type.isSize === true ? `size up to ${sizeText(type.max)}` : `1 to ${type.max}`;
      return `\`infinity\` or ${most}`;
    }
    case 'vhost-limits':
      return 'regular expression and numbers per name, or `none`';
    case 'plugins':
      return 'package or path per name, or `none`';
    case 'operator-policies':
      return 'regular expressions and settings per name, or `none`';
    case 'boolean':
      return '`true` or `false`';
    case 'name-list':
      return type.choices?.map((choice) => `\`${choice}\``).join(', ') ?? `names${orNone(type)}`;
    case 'user-list':
      return '`true` or `false` per user, or `none`';
  }
}

function orNone({ orNone: mayBeNone }: { readonly orNone?: true }): string {
  return mayBeNone === true ? ', or `none`' : '';
}

function defaultText(setting: Setting): string {
  const { type, default: value } = setting;
  if (typeof value === 'function') throw new Error(`${setting.key} lacks a defaultText`);
  if (Array.isArray(value)) return value.map(itemText).join(', ') || 'none';
  if (type.kind === 'limit') return limitText(Number(value));
  if (value === undefined) return 'none';
  return type.kind === 'size' ? sizeText(Number(value)) : String(value);
}

function itemText(item: string | { readonly host: string; readonly port: number }): string {
  return typeof item === 'string' ? item : listenerText(item);
}

if (import.meta.main) {
  const page = new URL('../../docs/configuration.md', import.meta.url);
  writeFileSync(page, configurationReference());
}
