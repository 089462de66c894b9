// The configuration while it is being put together: starts as all defaults, takes one layer of
// assignments after the other, then checks what only shows in the whole. Runs in main only.
// A value that cannot be parsed leaves the earlier one in place and adds a problem, so that later
// checks still have something to work on.
import type { Assignment } from './assignment.ts';
import type {
  BrokerConfig,
  DefaultOperatorPolicy,
  ListenerAddress,
  PluginSetting,
  VhostLimits,
} from './broker-config.ts';
import { checkConfig } from './config-checks.ts';
import { listenersAfter, mustBe } from './listener-layer.ts';
import { assignLoopbackUsers } from './loopback-users.ts';
import { assignPlugins } from './plugin-settings.ts';
import { assignOperatorPolicy } from './operator-policies.ts';
import { assignNames } from './name-list.ts';
import { schema, settingOf } from './schema.ts';
import type { ConfigField, ConfigValue, Machine, Setting } from './setting.ts';
import { parseValue } from './value-parser.ts';
import { assignVhostLimits } from './vhost-limits.ts';

const CHANNEL_MAX_PROTOCOL = 65535;

type MutableConfig = { -readonly [Field in ConfigField]: BrokerConfig[Field] };

export class Draft {
  readonly sources = new Map<string, string>();
  readonly #machine: Machine;
  readonly #cwd: string;
  readonly #values = new Map<ConfigField, ConfigValue>();

  constructor(machine: Machine, cwd: string) {
    this.#machine = machine;
    this.#cwd = cwd;
    for (const setting of schema) {
      this.sources.set(setting.key, 'default');
      if (typeof setting.default !== 'function') this.#values.set(setting.field, setting.default);
    }
  }

  /** Takes one layer. Listener entries come before a bare host or port of the same layer. */
  apply(assignments: readonly Assignment[], problems: string[]): void {
    this.#applyListeners(assignments, problems);
    this.#applyNameLists(assignments, problems);
    for (const assignment of assignments) {
      const setting = settingOf(assignment.key);
      if (setting === undefined || isTakenTogether(setting)) continue;
      const parsed = this.#parse(setting, assignment);
      if ('expected' in parsed) {
        problems.push(mustBe(assignment, parsed.expected, setting.secret));
        continue;
      }
      this.#values.set(setting.field, parsed.value);
      this.sources.set(setting.key, assignment.place);
    }
    this.#chooseWatermark(assignments);
  }

  /** RabbitMQ ignores the absolute watermark beside a relative one; so does a higher layer. */
  #chooseWatermark(assignments: readonly Assignment[]): void {
    const sets = (field: ConfigField) =>
      assignments.some(({ key }) => settingOf(key)?.field === field);
    if (!sets('memoryWatermarkRelative')) return;
    this.#values.set('memoryWatermarkBytes', undefined);
  }

  /** Fills what depends on other values, checks the whole, and freezes it. */
  finish(problems: string[]): BrokerConfig {
    for (const setting of schema) {
      if (typeof setting.default === 'function' && !this.#values.has(setting.field)) {
        const acceptors = this.#values.get('acceptors') as number;
        this.#values.set(setting.field, setting.default(this.#machine, acceptors));
      }
    }
    // The constructor and the loop above have set every field of the schema.
    const config = Object.fromEntries(this.#values) as unknown as MutableConfig;
    if (this.sources.get('data_dir') === 'default') {
      const dataDir = parseValue({ kind: 'path' }, config.dataDir, this.#cwd);
      if ('value' in dataDir) config.dataDir = dataDir.value as string;
    }
    if (config.channelMax === 0) config.channelMax = CHANNEL_MAX_PROTOCOL;
    // As in RabbitMQ: who wants TLS and names no port without it wants TLS only.
    const hasPlainPort = this.sources.get('management.tcp.port') !== 'default';
    if (config.managementSslPort !== undefined && !hasPlainPort) config.managementPort = undefined;
    for (const field of ['listeners', 'sslListeners'] as const) {
      config[field] = Object.freeze(config[field].map((address) => Object.freeze(address)));
    }
    config.loopbackUsers = Object.freeze([...config.loopbackUsers]);
    config.vhostLimits = Object.freeze(config.vhostLimits.map((limits) => Object.freeze(limits)));
    config.plugins = Object.freeze(config.plugins.map((plugin) => Object.freeze(plugin)));
    config.operatorPolicies = Object.freeze(
      config.operatorPolicies.map((policy) => Object.freeze(policy)),
    );
    checkConfig(config, this.sources, problems);
    return Object.freeze(config);
  }

  #parse(setting: Setting, { key, value }: Assignment) {
    if (setting.type.kind === 'listeners' || setting.type.kind === 'name-list') {
      throw new Error(`${key}: the entries of a layer are applied together`);
    }
    if (setting.type.kind === 'vhost-limits') {
      const limits = this.#values.get(setting.field) as readonly VhostLimits[];
      const result = assignVhostLimits(limits, key, value);
      return 'list' in result ? { value: result.list } : result;
    }
    if (setting.type.kind === 'plugins') {
      const plugins = this.#values.get(setting.field) as readonly PluginSetting[];
      const result = assignPlugins(plugins, key, value);
      return 'list' in result ? { value: result.list } : result;
    }
    if (setting.type.kind === 'operator-policies') {
      const policies = this.#values.get(setting.field) as readonly DefaultOperatorPolicy[];
      const result = assignOperatorPolicy(policies, key, value);
      return 'list' in result ? { value: result.list } : result;
    }
    if (setting.type.kind !== 'user-list') return parseValue(setting.type, value, this.#cwd);
    const users = this.#values.get(setting.field) as readonly string[];
    const result = assignLoopbackUsers(users, key, value);
    return 'users' in result ? { value: result.users } : result;
  }

  #applyNameLists(assignments: readonly Assignment[], problems: string[]): void {
    for (const { key, field, type } of schema) {
      if (type.kind !== 'name-list') continue;
      const own = assignments.filter((assignment) => settingOf(assignment.key)?.key === key);
      if (own.length === 0) continue;
      const result = assignNames(key, type, own);
      if ('expected' in result) {
        problems.push(mustBe(result.wrong, result.expected));
        continue;
      }
      this.#values.set(field, Object.freeze(result.names));
      this.sources.set(key, own[0].place);
    }
  }

  #applyListeners(assignments: readonly Assignment[], problems: string[]): void {
    for (const { key, field, type } of schema) {
      if (type.kind !== 'listeners') continue;
      const list = this.#values.get(field) as readonly ListenerAddress[];
      const before = { list, source: this.sources.get(key)! };
      const after = listenersAfter(key, before, assignments, problems);
      if (after === undefined) continue;
      this.#values.set(field, after.list);
      this.sources.set(key, after.source);
    }
  }
}

function isTakenTogether({ type }: Setting): boolean {
  return type.kind === 'listeners' || type.kind === 'name-list';
}
