// The effective configuration as a file: valid rabbitmq.conf syntax, the source of each value as a
// comment behind it. Runs in main only. What it prints can be saved and loaded again with the same
// result; secrets are left out as comments.
import type { BrokerConfig, ListenerAddress } from './broker-config.ts';
import { listenerText } from './listeners.ts';
import type { LoadedConfig } from './load-config.ts';
import { pluginEntries } from './plugin-settings.ts';
import { schema } from './schema.ts';
import { operatorPolicyEntries } from './operator-policies.ts';
import type { Setting } from './setting.ts';
import { sizeText } from './value-parser.ts';
import { limitText, vhostLimitsEntries } from './vhost-limits.ts';

const VALUE_COLUMNS = 44;

export function printConfig({ config, sources }: LoadedConfig): string {
  const lines = schema.flatMap((setting) => {
    const source = sources.get(setting.key) ?? 'default';
    const texts =
      setting.secret === true ? [`${setting.key} = (not shown)`] : assignmentsOf(setting, config);
    return texts.map((text) => {
      const line = isLeftOut(setting, config) ? `# ${text}` : text;
      return `${line.padEnd(VALUE_COLUMNS)} # ${source}`;
    });
  });
  return `${lines.join('\n')}\n`;
}

/** Beside an absolute watermark a relative one would be the one that counts. */
function isLeftOut({ field, secret }: Setting, config: BrokerConfig): boolean {
  if (secret === true) return true;
  return field === 'memoryWatermarkRelative' && config.memoryWatermarkBytes !== undefined;
}

function assignmentsOf(setting: Setting, config: BrokerConfig): string[] {
  const { key, type } = setting;
  if (type.kind === 'listeners') {
    const listeners = config[setting.field] as readonly ListenerAddress[];
    if (listeners.length === 0) return [`${key} = none`];
    return listeners.map((address, index) => `${key}.${index + 1} = ${listenerText(address)}`);
  }
  if (type.kind === 'vhost-limits') {
    return vhostLimitsEntries(config.vhostLimits).map(([name, text]) => writeText(name, text));
  }
  if (type.kind === 'plugins') {
    return pluginEntries(config.plugins).map(([name, text]) => writeText(name, text));
  }
  if (type.kind === 'operator-policies') {
    const entries = operatorPolicyEntries(config.operatorPolicies);
    return entries.map(([name, text]) => writeText(name, text));
  }
  if (type.kind === 'name-list') {
    const names = config[setting.field] as readonly string[];
    if (names.length === 0) return [`${key} = none`];
    return names.map((name, index) => writeText(`${key}.${index + 1}`, name));
  }
  const value = config[setting.field] ?? 'none';
  if (type.kind === 'limit') return [`${key} = ${limitText(Number(value))}`];
  if (type.kind === 'size' && value !== 'none') return [`${key} = ${sizeText(Number(value))}`];
  if (type.kind === 'user-list') return [writeText(key, config.loopbackUsers.join(',') || 'none')];
  return [writeText(key, String(value))];
}

function writeText(key: string, value: string): string {
  if (!/^['"]|#|^\s|\s$/u.test(value)) return `${key} = ${value}`;
  // Cuttlefish has no way to write a single quote between single quotes.
  return value.includes("'") ? `# ${key} = ${value}` : `${key} = '${value}'`;
}
